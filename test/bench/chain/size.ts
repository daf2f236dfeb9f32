import { blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { type Bench, rounded } from '../figures/figure.ts'
import { drawLineChart } from '../figures/plot.ts'
import { startChild } from './child.ts'
import { createRegisterBlocks } from './register-blocks.ts'
import type { Sized, ToSize } from './size-child.ts'

interface Stages {
  /** Blocks without transactions at which it is measured, rising. */
  readonly heights: readonly number[]
  /** Then devices in all, rising, so many a block. */
  readonly devices: readonly number[]
  readonly perBlock: number
}

const STAGES: Stages = {
  heights: [500, 2_000, 4_000, 8_000],
  devices: [4_000, 20_000, 40_000, 60_000, 80_000, 100_000],
  perBlock: 4_000,
}
const QUICK_STAGES: Stages = { heights: [100, 300], devices: [500, 1_000], perBlock: 500 }
const MIB = 1024 * 1024

interface Stage extends Sized {
  readonly height: number
  readonly devices: number
}

/** Memory and disk of a full node against the length of its chain, then against its devices. */
export const size: Bench = async ({ quick, say }) => {
  const { byHeight, byDevices } = await grow(quick ? QUICK_STAGES : STAGES, say)
  const [long, last] = [byHeight.at(-1) as Stage, byDevices.at(-1) as Stage]
  const first = byHeight[0] as Stage
  const added = last.devices - long.devices
  const inMib = (stages: readonly Stage[], x: 'height' | 'devices', y: keyof Sized) =>
    stages.map((stage) => [stage[x], stage[y] / MIB] as const)
  const plot = (x: 'height' | 'devices', stages: readonly Stage[], name: string) => ({
    file: `bench-chain-${x}.svg`,
    caption: `Memory and disk against ${name}`,
    svg: drawLineChart({
      title: `Memory and disk of a full node against ${name}`,
      x: name,
      y: 'MiB',
      lines: [
        { name: 'memory, after collection', points: inMib(stages, x, 'memory') },
        { name: 'resident', points: inMib(stages, x, 'resident') },
        { name: 'disk', points: inMib(stages, x, 'disk') },
      ],
    }),
  })
  return {
    name: 'size',
    question: `Memory and disk of a full node up to ${long.height} blocks without transactions, then up to ${last.devices} devices.`,
    rounds: 1,
    measures: [
      ...[...byHeight, ...byDevices.slice(1)].flatMap((stage) => {
        const at = `at ${stage.height} blocks and ${stage.devices} devices`
        return [
          { name: `memory ${at}`, value: rounded(stage.memory / MIB), unit: 'MiB' },
          { name: `resident ${at}`, value: rounded(stage.resident / MIB), unit: 'MiB' },
          { name: `disk ${at}`, value: rounded(stage.disk / MIB), unit: 'MiB' },
        ]
      }),
      {
        name: 'disk per block without transactions',
        value: rounded((long.disk - first.disk) / (long.height - first.height)),
        unit: 'bytes',
      },
      { name: 'disk per device', value: rounded((last.disk - long.disk) / added), unit: 'bytes' },
      { name: 'memory per device', value: rounded((last.memory - long.memory) / added), unit: 'bytes' },
    ],
    ratios: [],
    plots: [plot('height', byHeight, 'blocks'), plot('devices', byDevices, 'devices')],
    notes: [
      'Chain, database and verifier of a relay in a process of its own, without network, doors and miner (a whole relay: see BENCHMARKS.md).',
      'Memory is heap and buffers after garbage collection; resident is what the system counts, with memory that Node has not given back and the threads that verify. Disk is compacted.',
      'Devices come by voucher and are not undone; per device on disk: the transaction, its index, device and anchor records, and tree nodes, of which the stale ones wait for two thousand blocks.',
    ],
  }
}

/** The first of `byDevices` is the last of `byHeight`. */
async function grow(stages: Stages, say: (line: string) => void) {
  const blocks = await createRegisterBlocks()
  const { builder } = blocks
  const child = await startChild<ToSize, Sized>('size-child.ts')
  try {
    const now = builder.genesis.createdAt + 365 * 86_400_000
    await child.ask({ kind: 'open', genesis: genesisCodec.encode(builder.genesis), now })
    let devices = 1
    const feed = async (height: number) =>
      await child.ask({ kind: 'block', bytes: blockCodec.encode(builder.at(height).block) })
    for (let height = 1; height <= builder.tip.node.height; height++) await feed(height)
    const measure = async (): Promise<Stage> => {
      const stage = { ...(await child.ask({ kind: 'report' })), height: builder.tip.node.height, devices }
      say(`size: ${stage.height} blocks, ${devices} devices, ${rounded(stage.disk / MIB)} MiB`)
      return stage
    }
    const byHeight: Stage[] = []
    for (const height of stages.heights) {
      while (builder.tip.node.height < height) await feed((await builder.mine()).node.height)
      byHeight.push(await measure())
    }
    const byDevices: Stage[] = [byHeight.at(-1) as Stage]
    for (const wanted of stages.devices) {
      while (devices < wanted) {
        const count = Math.min(stages.perBlock, wanted - devices)
        await feed((await blocks.mine(count)).node.height)
        devices += count
      }
      byDevices.push(await measure())
    }
    return { byHeight, byDevices }
  } finally {
    await child.end()
  }
}
