/**
 * Three relays, each with a seat, on machines of their own: they mine while they are killed and started again at random
 * moments and their network is split twice. Afterwards they must have one chain, with all that was settled and all that was
 * handed in.
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { json } from 'node:stream/consumers'
import { setTimeout as pass } from 'node:timers/promises'
import { askRelay } from '../../node-relay/cli/admin-client.ts'
import { blockCodec } from '../../shared/block/block.ts'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { twoThirds } from '../../shared/roster/roster.ts'
import { transactionIdOf } from '../../shared/transaction/transaction.ts'
import { createMesh } from './mesh.ts'
import { makeRegistrations, type Registration } from './relay-devices.ts'
import {
  lares,
  laresWith,
  makeDataDir,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from './relay-process.ts'

const RELAYS = [0, 1, 2] as const
const PORT = 4670
const LOOK_MS = 250
/** Incident of a relay that two thirds of the keepers have moved below what was settled for it. */
const LEFT_SETTLED = 'settled-left'
/** After a heal: libp2p notices a cut cable after ten seconds, and dials again after five at most. */
const HEAL_DEADLINE_MS = 120_000
/** A relay takes so many transactions at once from one address. */
const DEVICES_EACH_TIME = 4

export interface RelaysRunInit {
  /** Blocks to mine once all three have their seats. */
  readonly blocks: number
  readonly random: () => number
  onProgress?(sentence: string): void
}

/** Of a request that is refused for coming too soon, and how long the next one waits. */
const ATTEMPTS = 10
const WAIT_MS = 2_000

export interface RelaysRunResult {
  readonly height: number
  readonly kills: number
  readonly splits: readonly string[]
  /** Seen by any relay at any time. */
  readonly settledSeen: number
  /** Of these, blocks that one relay alone held for settled when the two others had sealed another branch. */
  readonly leftByOne: number
  readonly sealedHeaders: number
  readonly handedIn: number
  readonly undoneBlocks: number
  /** The largest growth of a relay's resident memory from its last start on, MB. */
  readonly growthMb: number
  /** What must not be; none in a good run. */
  readonly faults: readonly string[]
}

interface Place {
  readonly height: number
  readonly hash: string
}

interface Status {
  readonly networkId: string
  readonly tip: Place
  readonly settled: Place
  readonly incidents: readonly { readonly code: string; readonly sentence: string }[]
}

export async function runRelays({ blocks, random, onProgress = () => {} }: RelaysRunInit): Promise<RelaysRunResult> {
  const mesh = createMesh(RELAYS.length)
  const dirs = await Promise.all(RELAYS.map(() => makeDataDir()))
  const relays: (RelayProcess | undefined)[] = []
  const faults: string[] = []
  /** `height hash` → the relays that held it for settled at any time. */
  const settled = new Map<string, Set<number>>()
  /** Relays that said that they have left what was settled for them. */
  const movedByTwoThirds = new Set<number>()
  /** `parent seat` → hashes of headers. */
  const sealed = new Map<string, Set<string>>()
  const handedIn = new Map<string, Registration>()
  const seen: string[][] = RELAYS.map(() => [])
  const residentAtStart = new Map<number, number>()
  let growthMb = 0
  let kills = 0
  let undoneBlocks = 0
  const splits: string[] = []
  const below = (count: number) => Math.floor(random() * count)

  async function start(machine: number, ...flags: string[]): Promise<RelayProcess> {
    const relay = await startRelayProcess({
      dataDir: dirs[machine] as string,
      prefix: mesh.prefix(machine),
      listen: '0.0.0.0',
      // The launcher of the namespace is not the relay.
      flags: [...portFlags(), '--mine-share', '0.1', '--log-level', 'info', ...flags],
    })
    relays[machine] = relay
    return relay
  }

  /** Who asks too often is told to wait, and does. */
  async function ask<Answer>(machine: number, path: string, body?: unknown): Promise<Answer> {
    for (let attempt = 1; ; attempt++)
      try {
        return await askOnce(machine, path, body)
      } catch (error) {
        if (!(error as Error).message.includes(' 429 ') || attempt >= ATTEMPTS) throw error
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
      }
  }

  function askOnce<Answer>(machine: number, path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const asking = request(
        {
          host: mesh.address(machine),
          port: PORT,
          path: `/api/v1/${path}`,
          method: body === undefined ? 'GET' : 'POST',
          headers,
          agent: AGENT,
          timeout: 10_000,
        },
        (response) => {
          json(response).then((answer) => {
            if ((response.statusCode ?? 500) < 300) resolve(answer as Answer)
            else reject(new Error(`${path}: ${response.statusCode} ${JSON.stringify(answer)}`))
          }, reject)
        },
      )
      asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
      asking.on('error', reject)
      asking.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** What this relay shows now: its blocks, and what is settled. */
  async function look(machine: number): Promise<Status> {
    const status = await askRelay<Status>(dirs[machine] as string, '/status')
    const mine = seen[machine] as string[]
    if (mine[status.tip.height] !== status.tip.hash) await readBlocks(machine, mine, status.tip.height)
    // What is settled settles all below it. The blocks are a little newer than the status, and may be of another branch.
    if (mine[status.settled.height] === status.settled.hash)
      for (let height = status.settled.height; height > 0; height--) {
        const key = `${height} ${mine[height]}`
        const holders = settled.get(key) ?? new Set()
        if (holders.has(machine)) break
        settled.set(key, holders.add(machine))
      }
    // Whoever was cut off finds its branch refused by the others: said, and healed.
    for (const { code, sentence } of status.incidents)
      if (code === LEFT_SETTLED) movedByTwoThirds.add(machine)
      else if (!/^(reorganization|settled-conflict)$/.test(code)) faults.push(`relay ${machine}: ${sentence}`)
    return status
  }

  async function readBlocks(machine: number, mine: string[], height: number): Promise<void> {
    // Some below, since a reorganization may have come between.
    for (let from = Math.max(1, Math.min(mine.length, height) - 40); from <= height; ) {
      const answer = await ask<{ blocks: { height: number; bytes: string }[] }>(
        machine,
        `blocks?from=${from}&limit=200`,
      )
      for (const { height: at, bytes } of answer.blocks) {
        const block = blockCodec.decode(new Uint8Array(Buffer.from(bytes, 'base64url')))
        if (!block.ok) throw new Error(`block ${at} cannot be decoded`)
        const { header } = block.value
        const hash = toHex(hashHeader(header))
        if (mine[at] !== undefined && mine[at] !== hash) undoneBlocks++
        mine[at] = hash
        const key = `${toHex(header.previousHash)} ${header.seat}`
        const hashes = (sealed.get(key) ?? new Set<string>()).add(hash)
        sealed.set(key, hashes)
        if (hashes.size === 2) faults.push(`seat ${header.seat} sealed two headers of height ${at} on one parent`)
      }
      const last = answer.blocks.at(-1)?.height
      if (last === undefined) break
      from = last + 1
    }
  }

  async function lookAll(): Promise<Status[]> {
    const all: Status[] = []
    for (const machine of RELAYS) if (relays[machine] !== undefined) all.push(await look(machine))
    return all
  }

  async function until(
    what: string,
    holds: (all: Status[]) => boolean,
    deadlineMs = HEAL_DEADLINE_MS,
  ): Promise<Status[]> {
    const end = Date.now() + deadlineMs
    for (;;) {
      const all = await lookAll()
      if (holds(all)) return all
      if (Date.now() > end)
        throw new Error(
          `never happened: ${what}; tips ${all.map(({ tip }) => `${tip.height} ${tip.hash.slice(0, 8)}`).join(', ')}`,
        )
      await pass(LOOK_MS)
    }
  }

  const highest = (all: readonly Status[]) => Math.max(...all.map(({ tip }) => tip.height))
  const isOne = (all: readonly Status[]) =>
    all.length === RELAYS.length && all.every(({ tip }) => tip.hash === all[0]?.tip.hash)

  async function handIn(machine: number, registrations: readonly Registration[]): Promise<void> {
    for (const registration of registrations) {
      await ask(machine, 'transactions', { transaction: Buffer.from(registration.bytes).toString('base64url') })
      handedIn.set(registration.id, registration)
    }
  }

  async function killAndRestart(): Promise<void> {
    const machine = below(RELAYS.length)
    noteGrowth(machine)
    await relays[machine]?.kill()
    relays[machine] = undefined
    kills++
    await pass(random() * 4_000)
    await start(machine)
    noteResident(machine)
  }

  function noteResident(machine: number): void {
    residentAtStart.set(machine, residentMb(relays[machine]))
  }
  function noteGrowth(machine: number): void {
    const before = residentAtStart.get(machine)
    if (before !== undefined) growthMb = Math.max(growthMb, residentMb(relays[machine]) - before)
  }

  async function split(groups: readonly (readonly number[])[], length: number, devices: Registration[]): Promise<void> {
    const name = `${groups.map((group) => group.length).join(' against ')}, ${length} blocks`
    splits.push(name)
    onProgress(`split: ${name}`)
    const from = highest(await lookAll())
    mesh.partition(groups)
    for (const group of groups) {
      const machine = group[below(group.length)] as number
      await handIn(machine, devices.splice(0, DEVICES_EACH_TIME))
    }
    await until(`${length} blocks of a split`, (all) => highest(all) >= from + length, length * 30_000)
    mesh.partition([RELAYS])
    await until('one chain after a split', isOne)
  }

  try {
    onProgress('founding')
    const first = await start(0)
    const words = ownerWords(first)
    await until('the network is founded', ([status]) => (status?.tip.height ?? 0) >= 3)
    const { networkId } = await look(0)
    for (const machine of [1, 2] as const) {
      await start(machine, '--join', first.joinUrl, '--roles', 'full')
      await seat(dirs[machine] as string, dirs[0] as string, words)
    }
    const registrations = await makeRegistrations(dirs[0] as string, 12 * DEVICES_EACH_TIME)
    await until('three keepers', isOne)
    for (const machine of RELAYS) noteResident(machine)

    const alone = random() < 0.5
    const odd = below(RELAYS.length)
    const oneAgainstTwo = [[odd], RELAYS.filter((machine) => machine !== odd)]
    const eachForItself = RELAYS.map((machine) => [machine])
    const plan = [
      { at: 0.25, groups: alone ? eachForItself : oneAgainstTwo, length: 5 },
      { at: 0.55, groups: alone ? oneAgainstTwo : eachForItself, length: 30 },
    ]
    const base = highest(await lookAll())
    for (;;) {
      const height = highest(await lookAll())
      if (height >= base + blocks && plan.length === 0) break
      const [next] = plan
      if (next !== undefined && height >= base + next.at * blocks) {
        plan.shift()
        await split(next.groups, next.length, registrations)
        onProgress(`together again at ${highest(await lookAll())}`)
      } else if (random() < 0.15) {
        await killAndRestart()
        onProgress(`${kills} kills, height ${height}`)
      } else {
        const machine = below(RELAYS.length)
        if (registrations.length > DEVICES_EACH_TIME * 6) await handIn(machine, registrations.splice(0, 1))
        await pass(1_000)
      }
    }

    // All that was handed in comes into a block that all have.
    await until('one chain at the end', isOne)
    const wanted = new Set(handedIn.keys())
    await until('all that was handed in is in the chain', () => true)
    const deadline = Date.now() + HEAL_DEADLINE_MS
    for (;;) {
      const missing = await missingIn(wanted)
      if (missing.size === 0) break
      if (Date.now() > deadline) {
        faults.push(`${missing.size} registrations that were taken are in no block`)
        break
      }
      await pass(LOOK_MS)
    }
    const last = await until('one chain at the very end', isOne)
    const chain = seen[0] as string[]
    const lost = [...settled].filter(([key]) => {
      const [height, hash] = key.split(' ')
      return chain[Number(height)] !== hash
    })
    // Two thirds may move one that had heard of seals of two thirds alone, loudly (DESIGN 2); and never each other.
    for (const [key, holders] of lost) {
      if (holders.size >= twoThirds(RELAYS.length))
        faults.push(`block ${key} was settled at relays ${[...holders]} and is no longer there`)
      for (const machine of holders)
        if (!movedByTwoThirds.has(machine))
          faults.push(`block ${key} was settled at relay ${machine}, left without a word`)
    }
    for (const machine of RELAYS) {
      noteGrowth(machine)
      await relays[machine]?.stop()
      relays[machine] = undefined
      const { code, stdout, stderr } = await lares(dirs[machine] as string, 'db', 'verify')
      if (code !== 0) faults.push(`relay ${machine}, db verify: ${stdout}${stderr}`)
    }
    return {
      height: highest(last),
      kills,
      splits,
      settledSeen: settled.size,
      leftByOne: lost.length,
      sealedHeaders: [...sealed.values()].reduce((sum, { size }) => sum + size, 0),
      handedIn: handedIn.size,
      undoneBlocks,
      growthMb: Math.round(growthMb * 10) / 10,
      faults: [...new Set(faults)],
    }

    async function missingIn(wantedIds: ReadonlySet<string>): Promise<Set<string>> {
      const { tip } = await look(0)
      const missing = new Set(wantedIds)
      for (let from = 1; from <= tip.height; ) {
        const path = `blocks?from=${from}&limit=200`
        const answer = await ask<{ blocks: { height: number; bytes: string }[] }>(0, path)
        for (const { bytes } of answer.blocks) {
          const block = blockCodec.decode(new Uint8Array(Buffer.from(bytes, 'base64url')))
          if (!block.ok) continue
          for (const transaction of block.value.transactions)
            missing.delete(toHex(transactionIdOf(fromHex(networkId), transaction)))
        }
        const height = answer.blocks.at(-1)?.height
        if (height === undefined) break
        from = height + 1
      }
      return missing
    }
  } finally {
    for (const relay of relays) await relay?.kill()
    mesh.remove()
    for (const dir of dirs) await removeDataDir(dir)
  }
}

const AGENT = new Agent({
  keepAlive: true,
  // The relays' own certificates: what is tested here is what they keep, not how they are reached.
  rejectUnauthorized: false,
})

function portFlags(): string[] {
  return [
    '--port',
    String(PORT),
    '--udp-port',
    '4671',
    '--ws-port',
    '4672',
    '--tcp-port',
    '4673',
    '--metrics-listen',
    'off',
  ]
}

async function seat(dataDir: string, ownerDir: string, words: string): Promise<void> {
  const { text } = await newVoucher(ownerDir)
  const proposed = await lares(dataDir, 'roster', 'propose', '--voucher', text)
  const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1]
  if (motion === undefined) throw new Error(`roster propose: ${proposed.stderr}`)
  const submitted = await laresWith(words, ownerDir, 'roster', 'submit', motion, '--yes')
  if (submitted.code !== 0) throw new Error(`roster submit: ${submitted.stderr}`)
}

/** 0 where the system does not say. */
function residentMb(relay: RelayProcess | undefined): number {
  try {
    const text = readFileSync(`/proc/${relay?.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1_000
  } catch {
    return 0
  }
}
