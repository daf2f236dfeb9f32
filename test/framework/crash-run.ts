/**
 * A real relay on the test network is killed with SIGKILL at random moments, in its start too, while it mines and devices
 * register. After each kill it is started again and asked what it still knows; everything that it ever sealed is collected.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readSealedBlock } from '../../node-relay/store/seal-file.ts'
import { blockCodec } from '../../shared/block/block.ts'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { transactionIdOf } from '../../shared/transaction/transaction.ts'
import { makeRegistrations, type Registration } from './relay-devices.ts'
import { lares, makeDataDir, removeDataDir } from './relay-process.ts'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))
/** A share of the kills come while the relay starts. */
const KILLS_IN_START = 0.2
/** Longest life after the start is done, and longest moment of a start at which it is killed, ms. */
const LONGEST_LIFE_MS = 2_500
const LONGEST_START_MS = 2_000
/** The machine may be busy. */
const START_DEADLINE_MS = 180_000
/** For all devices that the kills left outside. */
const REGISTER_DEADLINE_MS = 600_000
/** Time between two looks at the relay, ms. */
const LOOK_MS = 120
/** The relay's own limit: a request for blocks, or a transaction, costs 16 of 1,500 units. */
const TRANSACTIONS_AT_ONCE = 20

export interface CrashRunInit {
  readonly kills: number
  readonly devices: number
  /** Numbers from 0 up to 1. */
  readonly random: () => number
  /** The database is verified after each so-many-th kill, and at the end. */
  readonly verifyEvery: number
  onProgress?(sentence: string): void
}

export interface CrashRunResult {
  readonly kills: number
  readonly killsInStart: number
  readonly height: number
  /** Registrations that were seen in a block, and are there at the end. */
  readonly included: number
  /** Headers ever seen sealed, over all runs. */
  readonly sealedHeaders: number
  readonly databaseChecks: number
  readonly slowestStartMs: number
  /** What must not be; none in a good run. */
  readonly faults: readonly string[]
}

interface Life {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves with its address when it has started; undefined when it has ended before. */
  readonly ready: Promise<string | undefined>
}

export async function runCrashes(init: CrashRunInit): Promise<CrashRunResult> {
  const { random } = init
  const dataDir = await makeDataDir()
  const faults: string[] = []
  /** Hash of the block at each height, as first seen: one keeper never reorganizes. */
  const chain = new Map<number, string>()
  /** `parent` → header hashes sealed on it, over all runs. */
  const sealed = new Map<string, Set<string>>()
  const included = new Map<string, number>()
  let slowestStartMs = 0
  let killsInStart = 0
  let databaseChecks = 0
  let networkId: Uint8Array = new Uint8Array()

  function noteBlock(height: number, bytes: Uint8Array): void {
    const block = blockCodec.decode(bytes)
    if (!block.ok) return void faults.push(`block ${height} cannot be decoded`)
    const hash = toHex(hashHeader(block.value.header))
    noteSealed(toHex(block.value.header.previousHash), hash)
    const known = chain.get(height)
    if (known !== undefined && known !== hash) faults.push(`block ${height} was ${known} and is ${hash}`)
    chain.set(height, hash)
    for (const transaction of block.value.transactions)
      included.set(toHex(transactionIdOf(networkId, transaction)), height)
  }
  function noteSealed(parent: string, hash: string): void {
    const hashes = sealed.get(parent) ?? new Set()
    sealed.set(parent, hashes.add(hash))
    if (hashes.size === 2) faults.push(`two headers were sealed on ${parent}: ${[...hashes].join(' and ')}`)
  }
  /** Written before anything is sent, so that what was sealed just before a kill is seen, too. */
  function noteSealFile(): void {
    const last = readSealedBlock(join(dataDir, 'chain'))
    if (last !== undefined) noteSealed(toHex(last.previousHash), toHex(last.hash))
  }

  async function ask<Answer>(url: string, path: string): Promise<Answer> {
    const response = await fetch(`${url}api/v1/${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return (await response.json()) as Answer
  }
  async function readBlocks(url: string, from: number): Promise<number> {
    const { blocks } = await ask<{ blocks: { height: number; bytes: string }[] }>(url, `blocks?from=${from}&limit=200`)
    for (const { height, bytes } of blocks) noteBlock(height, new Uint8Array(Buffer.from(bytes, 'base64url')))
    return blocks.at(-1)?.height ?? from - 1
  }
  /** What it had before it was killed, it has now. */
  async function checkStart(url: string): Promise<void> {
    const highest = Math.max(0, ...chain.keys())
    const { tip } = await ask<{ tip: { height: number } }>(url, 'status')
    if (tip.height < highest)
      faults.push(`block ${highest} was seen, and the chain ends at ${tip.height} after the kill`)
    await readBlocks(url, Math.max(1, highest - 20))
    // And somewhere else in what was seen.
    await readBlocks(url, 1 + Math.floor(random() * Math.max(1, highest)))
  }
  async function checkDatabase(): Promise<void> {
    databaseChecks++
    const { code, stdout, stderr } = await lares(dataDir, 'db', 'verify')
    if (code !== 0) faults.push(`db verify: ${stdout}${stderr}`)
  }

  let registrations: Registration[] = []
  const waiting = () => registrations.filter(({ id }) => !included.has(id))
  /** Mines, registers and is watched until the time is over or it is gone. */
  async function live(url: string, until: number): Promise<void> {
    let next = Math.max(0, ...chain.keys()) + 1
    let sent = 0
    while (Date.now() < until) {
      try {
        const batch = waiting().slice(0, TRANSACTIONS_AT_ONCE).slice(sent)
        for (const { bytes } of batch.slice(0, 4)) {
          const body = JSON.stringify({ transaction: Buffer.from(bytes).toString('base64url') })
          const headers = { 'content-type': 'application/json' }
          const response = await fetch(`${url}api/v1/transactions`, { method: 'POST', body, headers })
          if (response.status === 202) sent++
          else if (response.status !== 429) faults.push(`a registration was refused: ${await response.text()}`)
        }
        next = (await readBlocks(url, next)) + 1
      } catch {
        // The relay was killed under the request, or is busy.
      }
      noteSealFile()
      await pass(LOOK_MS)
    }
  }

  async function start(): Promise<{ life: Life; url: string }> {
    const begun = Date.now()
    const life = launch(dataDir)
    const url = await life.ready
    if (url === undefined) {
      const { exitCode, signalCode } = life.child
      throw new Error(
        `the relay did not start (exit ${exitCode ?? signalCode}, ${Date.now() - begun} ms):\n${life.output()}`,
      )
    }
    slowestStartMs = Math.max(slowestStartMs, Date.now() - begun)
    return { life, url }
  }

  try {
    const first = await start()
    networkId = fromHex((await ask<{ networkId: string }>(first.url, 'status')).networkId)
    // Its own registration and its place among the coordinators come first.
    while (included.size < 2) await live(first.url, Date.now() + 500)
    registrations = await makeRegistrations(dataDir, init.devices)
    // Ended in peace, it leaves its compiled modules for all later lives.
    await end(first.life.child, 'SIGINT')

    for (let count = 1; count <= init.kills; count++) {
      noteSealFile()
      if (random() < KILLS_IN_START) {
        killsInStart++
        const life = launch(dataDir)
        await Promise.race([pass(random() * LONGEST_START_MS), life.ready])
        await kill(life.child)
      } else {
        const { life, url } = await start()
        await checkStart(url)
        const over = Date.now() + random() * LONGEST_LIFE_MS
        const watched = live(url, over)
        await pass(Math.max(0, over - Date.now()))
        await kill(life.child)
        await watched
      }
      noteSealFile()
      if (count % init.verifyEvery === 0) await checkDatabase()
      if (count % 10 === 0)
        init.onProgress?.(
          `${count} kills, height ${Math.max(...chain.keys())}, ${registrations.length - waiting().length} of ${init.devices} devices, ${faults.length} faults`,
        )
    }

    // All that remains is let in, and the whole chain is read once more.
    const last = await start()
    await checkStart(last.url)
    const deadline = Date.now() + REGISTER_DEADLINE_MS
    while (waiting().length > 0 && Date.now() < deadline) await live(last.url, Date.now() + 1_000)
    if (waiting().length > 0) faults.push(`${waiting().length} devices never came into a block`)
    const seen = new Map(included)
    included.clear()
    await pass(2_000)
    for (let from = 1, to = 0; from <= Math.max(...chain.keys()); from = to + 1) {
      to = await readBlocks(last.url, from)
      if (to < from) break
      await pass(300)
    }
    for (const [id, height] of seen)
      if (included.get(id) !== height)
        faults.push(`transaction ${id} was in block ${height}, and is ${included.get(id)}`)
    await kill(last.life.child)
    await checkDatabase()
    return {
      kills: init.kills,
      killsInStart,
      height: Math.max(...chain.keys()),
      included: registrations.filter(({ id }) => included.has(id)).length,
      sealedHeaders: [...sealed.values()].reduce((sum, { size }) => sum + size, 0),
      databaseChecks,
      slowestStartMs,
      faults,
    }
  } finally {
    for (const child of running) await kill(child)
    await removeDataDir(dataDir)
    await removeDataDir(cacheOf(dataDir))
  }
}

const running = new Set<ChildProcess>()

function launch(dataDir: string): Life {
  const ports = ['--port', '0', '--udp-port', '0', '--ws-port', '0', '--tcp-port', '0']
  const flags = ['--data-dir', dataDir, '--network', 'test', '--listen', '127.0.0.1', '--mine-share', '0.4']
  const child = spawn(process.execPath, [MAIN, 'start', ...flags, ...ports], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cacheOf(dataDir) },
  })
  running.add(child)
  let output = ''
  const ready = new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), START_DEADLINE_MS)
    const settle = (url: string | undefined) => {
      clearTimeout(timer)
      resolve(url)
    }
    const take = (text: string) => {
      output += text
      if (/Ctrl-C stops the relay/.test(output)) settle(/http:\/\/127\.0\.0\.1:\d+\//.exec(output)?.[0])
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.once('exit', () => {
      running.delete(child)
      settle(undefined)
    })
  })
  return { child, output: () => output, ready }
}

/** Node's compiled modules: most of a start is reading them. */
function cacheOf(dataDir: string): string {
  return `${dataDir}-modules`
}

const kill = (child: ChildProcess) => end(child, 'SIGKILL')

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}
