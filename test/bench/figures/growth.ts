import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { blockCodec } from '../../../shared/block/block.ts'
import { SEALED_HEADER_LENGTH } from '../../../shared/header/header.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { foundRelay, makeVoucher, registerByVoucher } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { lares, removeDataDir, startRelayProcess } from '../../framework/relay-process.ts'
import { type Bench, median, rounded } from './figure.ts'
import type { Grown, ToGrowth } from './growth-child.ts'
import { sampleRecord } from './sample-keys.ts'

interface Stages {
  /** Heights at which it is measured, rising. */
  readonly heights: readonly number[]
  /** Then blocks of so many registrations each. */
  readonly registrationBlocks: number
  readonly registrations: number
}

const CHILD = fileURLToPath(new URL('./growth-child.ts', import.meta.url))
const STAGES: Stages = { heights: [500, 2_000, 4_000, 8_000], registrationBlocks: 8, registrations: 250 }
const QUICK_STAGES: Stages = { heights: [10, 20], registrationBlocks: 1, registrations: 5 }
/** A relay without visitors, mining: looked at so often, this far apart. */
const LOOKS = 10
const LOOK_MS = 2_000

/** Memory and disk of a full node per block and per device, and the memory of a whole relay. */
export const growth: Bench = async ({ quick, say }) => {
  const grown = await grow(quick ? QUICK_STAGES : STAGES, say)
  // Blocks without transactions come first; only the last stage registers devices.
  const last = grown.at(-1) as Stage
  const empty = grown.slice(0, -1)
  const [first, young] = empty as [Stage, Stage]
  const old = empty.at(-1) as Stage
  const slope = (from: Grown, to: Grown, what: 'memory' | 'disk') =>
    (to[what] - from[what]) / Math.max(1, to.height - from.height)
  const diskPerBlock = slope(first, old, 'disk')
  const registered = last.devices - old.devices
  const diskPerDevice = (last.disk - old.disk - (last.height - old.height) * diskPerBlock) / registered
  const relay = await relayMemory(quick ? 1 : LOOKS, say)
  return {
    name: 'growth',
    question:
      'Memory and disk of a relay per block and per device: slopes over many, against the bytes that must be kept.',
    rounds: 1,
    measures: [
      { name: 'disk per block without transactions', value: rounded(diskPerBlock), unit: 'bytes' },
      { name: 'sealed header and its history leaf, which must be kept', value: MUST_BLOCK, unit: 'bytes' },
      { name: 'disk per device', value: rounded(diskPerDevice), unit: 'bytes' },
      { name: 'device record, which must be kept', value: sampleRecord(0).length, unit: 'bytes' },
      {
        name: `memory per block from ${first.height} to ${young.height}`,
        value: rounded(slope(first, young, 'memory')),
        unit: 'bytes',
      },
      {
        name: `memory per block from ${empty.at(-2)?.height} to ${old.height}`,
        value: rounded(slope(empty.at(-2) as Stage, old, 'memory')),
        unit: 'bytes',
      },
      { name: 'memory per device', value: rounded((last.memory - old.memory) / registered), unit: 'bytes' },
      { name: `memory of the whole chain at ${old.height} blocks`, value: rounded(old.memory / MIB), unit: 'MiB' },
      { name: 'resident memory of a mining relay without visitors', value: rounded(relay / MIB), unit: 'MiB' },
    ],
    ratios: [
      { name: 'bytes that must be kept / disk per block', value: rounded(MUST_BLOCK / diskPerBlock) },
      { name: 'device record / disk per device', value: rounded(sampleRecord(0).length / diskPerDevice) },
    ],
    notes: [
      `A full node's chain and database in a process of its own, fed with ${old.height} blocks, then ${registered} registrations by voucher in ${last.height - old.height} blocks. Disk after closing and compacting.`,
      'Per block on disk: the block itself, its header again for answers, two index entries, history nodes, the state root; an epoch that ends writes a state node.',
      'Per device: the transaction (voucher, endorsement, three signatures), its index, device and anchor records, and the tree nodes above them, of which the stale ones wait for two thousand blocks.',
      'Memory is heap and buffers after garbage collection; per device the node cache fills up to its bound (docs/LIMITS.md), then it is none.',
    ],
  }
}

const MIB = 1024 * 1024
/** A block without transactions is little more than its sealed header; the history keeps 60 bytes for it. */
const MUST_BLOCK = SEALED_HEADER_LENGTH + 60

interface Stage extends Grown {
  readonly devices: number
}

/** Builds blocks here and has them taken there. */
async function grow(stages: Stages, say: (line: string) => void): Promise<Stage[]> {
  const directory = await mkdtemp(join(tmpdir(), 'lares-growth-'))
  const child = fork(CHILD, [join(directory, 'chain')], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const gone = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the growing node ended with ${code}`)))
  gone.catch(() => undefined)
  const ask = async (message: ToGrowth): Promise<Grown> => {
    child.send(message)
    const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Grown]
    return answer
  }

  const builder = new ChainBuilder({ name: 'growth' })
  const now = builder.genesis.createdAt + 365 * 86_400_000
  await ask({ kind: 'genesis', bytes: genesisCodec.encode(builder.genesis), now })
  const relay = await foundRelay(builder)
  let blocks = builder.from(1).map(({ block }) => blockCodec.encode(block))
  let devices = 1
  const grown: Stage[] = []
  const mine = async () => blocks.push(blockCodec.encode((await builder.mine()).block))
  const report = async () => {
    await ask({ kind: 'blocks', blocks })
    blocks = []
    grown.push({ ...(await ask({ kind: 'report' })), devices })
    say(`growth: ${grown.at(-1)?.height} blocks, ${devices} devices`)
  }
  for (const height of stages.heights) {
    while (builder.tip.node.height < height) await mine()
    await report()
  }
  for (let block = 0; block < stages.registrationBlocks; block++) {
    for (let index = 0; index < stages.registrations; index++, devices++) {
      const name = `device ${block} ${index}`
      const voucher = await makeVoucher(builder, relay, { name })
      await registerByVoucher(builder, voucher, { wallet: namedSigner(`${name} wallet`), endorsers: [relay] })
    }
    await mine()
  }
  await report()
  child.kill()
  await rm(directory, { recursive: true, force: true })
  return grown
}

/** As its own metrics tell it. */
async function relayMemory(looks: number, say: (line: string) => void): Promise<number> {
  say('growth: memory of a relay')
  const relay = await startRelayProcess()
  try {
    const status = JSON.parse((await lares(relay.dataDir, 'status', '--json')).stdout) as {
      readonly doors: { readonly metricsUrl: string }
    }
    const values: number[] = []
    for (let look = 0; look < looks; look++) {
      await pause(looks === 1 ? 0 : LOOK_MS)
      const text = await (await fetch(status.doors.metricsUrl)).text()
      values.push(Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]))
    }
    return median(values)
  } finally {
    await relay.stop()
    await removeDataDir(relay.dataDir)
  }
}
