import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { RelayStatus } from '../../../node-relay/facade.ts'
import MEMORY_FLAGS from '../../../node-relay/memory-flags.json' with { type: 'json' }
import { PRESETS } from '../../../shared/params.ts'
import { createMesh, type Mesh, meshObstacle } from '../../framework/mesh.ts'
import {
  type CoordinationProcess,
  lares,
  laresWith,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startCoordinationProcess,
  startRelayProcess,
} from '../../framework/relay-process.ts'
import { type Bench, rounded } from '../figures/figure.ts'

/** What a coordination node may take up on a board with 512 MB, docs/LIMITS.md. MB */
const RESIDENT_CAP_MB = 192
const MB = 1_000_000
const DAY_SECONDS = 86_400
const HOME_BLOCKS = (DAY_SECONDS * 1_000) / PRESETS.home.spacingMs
/** Newcomers of a busy home day. */
const JOINS_A_DAY = 20
const NEWCOMERS = fileURLToPath(new URL('./newcomers-child.ts', import.meta.url))
/** Machines of the mesh. */
const [MINER, FULL, BOARD] = [0, 1, 2] as const
const TCP_PORT = 4673

interface Window {
  readonly seconds: number
  readonly blocks: number
  /** In and out together, by machine. */
  readonly bytes: readonly [number, number, number]
}

/** Bytes of one node: what comes with time, with a block, and with a newcomer. */
interface Traffic {
  readonly perSecond: number
  readonly perBlock: number
}

/**
 * A coordination node without blocks beside a full node, both followers of one relay that mines. Two networks that differ in
 * their spacing alone tell what costs time from what costs blocks, so that a day of the home preset can be said.
 */
export const board: Bench = async ({ quick, say }) => {
  const obstacle = meshObstacle()
  if (obstacle !== undefined) throw new Error(obstacle)
  const seconds = quick ? 10 : 60
  const joins = quick ? 2 : 10
  const fast = await runNetwork({ spacingMs: PRESETS.test.spacingMs, seconds, joins, say })
  const slow = await runNetwork({ spacingMs: 4 * PRESETS.test.spacingMs, seconds, joins: 0, say })
  const trafficOf = (machine: typeof FULL | typeof BOARD): Traffic => {
    const [a, b] = [fast.quiet, slow.quiet]
    const perBlock =
      (a.bytes[machine] / a.seconds - b.bytes[machine] / b.seconds) / (a.blocks / a.seconds - b.blocks / b.seconds)
    return { perBlock, perSecond: (a.bytes[machine] - perBlock * a.blocks) / a.seconds }
  }
  const perJoin = (machine: typeof FULL | typeof BOARD): number => {
    const { perSecond, perBlock } = trafficOf(machine)
    const { bytes, seconds: lasted, blocks } = fast.joining
    return Math.max(0, bytes[machine] - perSecond * lasted - perBlock * blocks) / joins
  }
  const dayOf = (machine: typeof FULL | typeof BOARD): number => {
    const { perSecond, perBlock } = trafficOf(machine)
    return perSecond * DAY_SECONDS + perBlock * HOME_BLOCKS + perJoin(machine) * JOINS_A_DAY
  }
  const [boardDay, fullDay] = [dayOf(BOARD), dayOf(FULL)]
  // A newcomer costs it more than a full node: proofs, and a conversation of its own.
  const evenAt = JOINS_A_DAY + (fullDay - boardDay) / (perJoin(BOARD) - perJoin(FULL))
  const { resident } = fast
  return {
    name: 'board',
    question: `A coordination node without blocks (\`--roles coordination\`) and a full node, side by side for ${fast.quiet.blocks + fast.joining.blocks} blocks with ${joins} newcomers: memory against a cap of ${RESIDENT_CAP_MB} MB for a board with 512 MB, and bytes in and out.`,
    rounds: 1,
    measures: [
      { name: 'coordination node: resident', value: rounded(resident[BOARD]), unit: 'MB' },
      { name: 'coordination node: resident, highest', value: rounded(fast.highest[BOARD]), unit: 'MB' },
      { name: 'coordination node: of it JavaScript objects', value: rounded(fast.heap), unit: 'MB' },
      { name: 'full node: resident', value: rounded(resident[FULL]), unit: 'MB' },
      { name: 'full node that mines: resident', value: rounded(resident[MINER]), unit: 'MB' },
      ...(['coordination node', 'full node'] as const).flatMap((who) => {
        const machine = who === 'full node' ? FULL : BOARD
        const { perSecond, perBlock } = trafficOf(machine)
        return [
          { name: `${who}: with time`, value: rounded(perSecond), unit: 'bytes/s' },
          { name: `${who}: with each block`, value: rounded(perBlock), unit: 'bytes' },
          { name: `${who}: with each newcomer`, value: rounded(perJoin(machine)), unit: 'bytes' },
          { name: `${who}: a day of the home preset`, value: rounded(dayOf(machine) / MB), unit: 'MB' },
        ]
      }),
      { name: 'both take the same bytes at', value: rounded(evenAt), unit: 'newcomers a day' },
    ],
    ratios: [
      { name: 'cap / highest resident memory', value: rounded(RESIDENT_CAP_MB / fast.highest[BOARD]), target: 1 },
      { name: 'resident: full node / coordination node', value: rounded(resident[FULL] / resident[BOARD]), target: 1 },
      { name: 'bytes a day: full node / coordination node', value: rounded(fullDay / boardDay), target: 1 },
    ],
    notes: [
      'Each node a process of its own, as `npm start` starts it, in a network namespace of its own; bytes are those of its interfaces to the other machines, all headers included. The relay that mines serves both others; neither of these mines.',
      `A day of the home preset is ${DAY_SECONDS} seconds, ${HOME_BLOCKS} blocks and ${JOINS_A_DAY} newcomers. What a second and what a block cost is solved from two networks in this run, with ${PRESETS.test.spacingMs} and ${4 * PRESETS.test.spacingMs} ms between blocks, ${seconds} seconds each. The blocks of those windows are empty; what fills them is counted with the newcomers alone.`,
      'One run, nothing repeated: those of a full node that come with time differed by a tenth between two runs. What they consist of was not taken apart. The full node holds no seat.',
      'A newcomer joins at the relay, whose registration needs the endorsement of the coordination node; it then asks that node where the chain stands and where the full nodes serve, over a connection of its own. The full node sees its transaction and its block. So a newcomer costs the coordination node more than the full node, and with very many a day it takes more bytes.',
      'Memory is of this processor and system; no board was measured.',
    ],
  }
}

interface NetworkRun {
  readonly quiet: Window
  readonly joining: Window
  /** MB, by machine. */
  readonly resident: readonly [number, number, number]
  readonly highest: readonly [number, number, number]
  /** Of the coordination node, MB. */
  readonly heap: number
}

async function runNetwork(init: {
  readonly spacingMs: number
  readonly seconds: number
  readonly joins: number
  say(line: string): void
}): Promise<NetworkRun> {
  const { spacingMs, seconds, joins, say } = init
  const mesh = createMesh(3)
  const folder = await mkdtemp(join(tmpdir(), 'lares-bench-'))
  const nodes: CoordinationProcess[] = []
  try {
    const networkFile = join(folder, 'network.json')
    await writeFile(networkFile, JSON.stringify({ preset: 'test', spacingMs }))
    const start = async <Node extends CoordinationProcess>(
      machine: number,
      how: (process: Parameters<typeof startRelayProcess>[0]) => Promise<Node>,
      execArgv: readonly string[],
      ...flags: readonly string[]
    ): Promise<Node> => {
      const node = await how({
        ...{ prefix: mesh.prefix(machine), listen: '0.0.0.0', execArgv },
        flags: ['--network', networkFile, '--log-level', 'info', '--tcp-port', String(TCP_PORT), ...flags],
      })
      nodes.push(node)
      return node
    }
    const miner = await start(MINER, startRelayProcess, MEMORY_FLAGS.relay)
    const beside = ['--join', miner.joinUrl, '--mine-share', '0']
    await start(FULL, startRelayProcess, MEMORY_FLAGS.relay, ...beside)
    const node = await start(BOARD, startCoordinationProcess, MEMORY_FLAGS.coordination, '--join', miner.joinUrl)
    if (joins > 0) await letIn(node, miner)
    // What is said once, after connecting, is no part of a day.
    await pause(Math.min(15_000, seconds * 500))
    say(`coordination: ${spacingMs} ms between blocks, ${seconds} s`)
    const quiet = await measure(mesh, miner, () => pause(seconds * 1_000))
    const joining = await measure(mesh, miner, () => letNewcomersIn(mesh, miner, joins))
    const { light } = await statusOf(node)
    return {
      quiet,
      joining,
      resident: memoryOf(nodes, 'VmRSS'),
      highest: memoryOf(nodes, 'VmHWM'),
      heap: (light?.memory.heap ?? 0) / MB,
    }
  } finally {
    for (const node of nodes) await node.kill()
    for (const { dataDir } of nodes) await removeDataDir(dataDir)
    await rm(folder, { recursive: true, force: true })
    mesh.remove()
  }
}

async function letIn(node: CoordinationProcess, miner: RelayProcess): Promise<void> {
  const [voucher] = await vouchers(miner, 1)
  const proposed = await lares(node.dataDir, 'roster', 'propose', '--voucher', voucher as string)
  const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1]
  if (motion === undefined) throw new Error(`roster propose: ${proposed.stderr}`)
  const submitted = await laresWith(ownerWords(miner), miner.dataDir, 'roster', 'submit', motion, '--yes')
  if (submitted.code !== 0) throw new Error(`roster submit: ${submitted.stderr}`)
  for (;;) {
    if ((await statusOf(node)).light?.admits === true) return
    await pause(500)
  }
}

async function vouchers({ dataDir }: RelayProcess, count: number): Promise<string[]> {
  const { code, stdout, stderr } = await lares(dataDir, 'voucher', 'create', '--json', '--count', String(count))
  if (code !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { text: string }[]).map(({ text }) => text)
}

async function letNewcomersIn(mesh: Mesh, miner: RelayProcess, count: number): Promise<void> {
  if (count === 0) return
  const [command, ...args] = mesh.prefix(MINER)
  // As the machine of the miner sees the board.
  const route = await promisify(execFile)(command as string, [...args, 'ip', '-j', 'route'])
  const { dst } = (JSON.parse(route.stdout) as { dst: string; dev: string }[]).find(
    ({ dev }) => dev === `to${BOARD}`,
  ) as { dst: string }
  const address = dst.replace(/\d+\/\d+$/, '2')
  const texts = await vouchers(miner, count)
  await promisify(execFile)(command as string, [
    ...args,
    ...[process.execPath, NEWCOMERS, miner.localUrl, `/ip4/${address}/tcp/${TCP_PORT}`, ...texts],
  ])
}

async function measure(mesh: Mesh, miner: RelayProcess, task: () => Promise<unknown>): Promise<Window> {
  const height = async () => (await statusOf(miner)).tip.height
  const [from, before, since] = [await height(), bytesOf(mesh), performance.now()]
  await task()
  const [to, after] = [await height(), bytesOf(mesh)]
  return {
    seconds: (performance.now() - since) / 1_000,
    blocks: to - from,
    bytes: after.map((value, machine) => value - (before[machine] as number)) as unknown as Window['bytes'],
  }
}

async function statusOf({ dataDir }: { readonly dataDir: string }): Promise<RelayStatus> {
  const { code, stdout, stderr } = await lares(dataDir, 'status', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as RelayStatus
}

/** In and out together, of each machine's cables to the others. */
function bytesOf(mesh: Mesh): number[] {
  return [MINER, FULL, BOARD].map((machine) => {
    const [command, ...args] = mesh.prefix(machine)
    const table = execFileSync(command as string, [...args, 'cat', '/proc/net/dev'], { encoding: 'utf8' })
    return [...table.matchAll(/^\s*to\d+:(.*)$/gm)].reduce((sum, [, row]) => {
      const fields = (row as string).trim().split(/\s+/).map(Number)
      // Bytes received stand first, bytes sent ninth (proc_net(5)).
      return sum + (fields[0] as number) + (fields[8] as number)
    }, 0)
  })
}

/** MB by machine. @param field of proc_pid_status(5) */
function memoryOf(nodes: readonly { readonly pid: number }[], field: 'VmRSS' | 'VmHWM'): NetworkRun['resident'] {
  return nodes.map(({ pid }) => {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1] ?? 0) * 1_024) / MB
  }) as unknown as NetworkRun['resident']
}
