/**
 * Shows that a relay whose database is damaged, old or newer says so in one sentence at its start, naming the command that
 * helps, and that this very command helps: afterwards it starts.
 * How: a real relay mines a few blocks; records of its database are changed behind its back; what it prints is followed.
 * Every kind of record, and files cut off and flipped at random, are in test/node-relay/full-node/damage.test.ts.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AdminStatus } from '../../node-relay/http/admin-socket.ts'
import { FORMAT, formatMark } from '../../node-relay/store/format.ts'
import { KEYS } from '../../node-relay/store/key-table.ts'
import { asciiBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/hash.ts'
import { readFixture, writeFixture } from '../framework/database-fixture.ts'
import {
  lares,
  makeDataDir,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))
const BLOCKS = 5
const PATIENCE_MS = 60_000
/** Each starts several processes, and the machine may be busy. */
const TEST_MS = 240_000

/** Of the relay that has mined; each test takes a copy. */
let kept: string
let words: string
let tip: number
let dataDir: string
let relay: RelayProcess | undefined

beforeAll(async () => {
  kept = await makeDataDir()
  const first = await startRelayProcess({ dataDir: kept, flags: ['--mine-share', '0.4'] })
  words = ownerWords(first)
  while ((await statusOf(kept)).tip.height < BLOCKS);
  await first.stop()
  tip =
    (await atRest(
      kept,
      async (level) => (await level.keys({ gte: KEYS.header(0), lt: KEYS.header(0xffff_ffff) }).all()).length,
    )) - 1
}, TEST_MS)
afterAll(() => removeDataDir(kept))
afterEach(async () => {
  await relay?.stop()
  relay = undefined
  await removeDataDir(dataDir)
})

type Level = ClassicLevel<Uint8Array, Uint8Array>
async function atRest<Value>(at: string, work: (level: Level) => Promise<Value>): Promise<Value> {
  const level: Level = new ClassicLevel(join(at, 'chain'), { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  try {
    return await work(level)
  } finally {
    await level.close()
  }
}

async function statusOf(at: string): Promise<AdminStatus> {
  const { code, stdout, stderr } = await lares(at, 'status', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as AdminStatus
}

async function copyWith(change: (level: Level) => Promise<void>): Promise<void> {
  dataDir = await makeDataDir()
  cpSync(kept, dataDir, { recursive: true })
  await atRest(dataDir, change)
}

async function flip(level: Level, key: Uint8Array): Promise<void> {
  const value = Buffer.from((await level.get(key)) as Uint8Array)
  const middle = value.length >> 1
  value[middle] = (value[middle] as number) ^ 0x10
  await level.put(key, value)
}

/** One line, and no stack trace. */
async function expectRefusal(sentence: RegExp): Promise<string> {
  const { code, stderr } = await lares(dataDir, 'start', '--network', 'test', '--listen', '127.0.0.1', '--port', '0')
  expect(code).toBe(1)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toMatch(sentence)
  return stderr
}

/** The command in quotes, with something on its standard input. */
async function follow(sentence: string, input = ''): Promise<{ code: number; output: string }> {
  const command = /"lares (db [^"]+)"/.exec(sentence)?.[1]?.split(' ') ?? []
  return await new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...command, '--data-dir', dataDir], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: `${stdout}${stderr}` }),
    )
    child.stdin?.end(input)
  })
}

async function expectToMine(): Promise<void> {
  relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0.4'] })
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const status = await statusOf(dataDir)
    if (status.tip.height > tip && status.mining.state === 'mining') return
    if (Date.now() > end) throw new Error(`it does not mine: ${status.mining.sentence}`)
  }
}

const DAMAGES: readonly [string, (level: Level) => Promise<void>][] = [
  ['a header', (level) => flip(level, KEYS.header(2))],
  ['the genesis record', (level) => flip(level, KEYS.meta('genesis'))],
  [
    'a node of the state',
    async (level) => {
      const [key] = await level.keys({ gte: asciiBytes('s'), lt: asciiBytes('t'), reverse: true, limit: 1 }).all()
      await flip(level, key as Uint8Array)
    },
  ],
]

describe('a relay whose database is damaged', () => {
  it.each(DAMAGES)('%s: says what helps, and that helps', { timeout: TEST_MS }, async (_, change) => {
    await copyWith(change)
    const sentence = await expectRefusal(
      /^The chain database is damaged \(.+\)\. Stop the relay and run "lares db verify --repair"/,
    )
    const repaired = await follow(sentence)
    expect(repaired).toMatchObject({ code: 0, output: expect.stringMatching(/^Repaired: blocks 0 to \d+/m) })
    await expectToMine()
  })

  it('a block that is gone: goes back with the words of its owner, and seals nothing against itself', {
    timeout: TEST_MS,
  }, async () => {
    await copyWith(async (level) => {
      const hash = await level.keys({ gte: KEYS.blockAt(3, new Uint8Array(32)), limit: 1 }).all()
      await level.del(KEYS.block(new Uint8Array((hash[0] as Uint8Array).subarray(5))))
    })
    const found = await lares(dataDir, 'db', 'verify')
    expect(found.code).toBe(1)
    expect(found.stderr).toMatch(
      /^Block 3 is lost, .* run "lares db rollback --to 2( --below-settled)?": \d+ blocks above it are lost/m,
    )
    const told = found.stderr

    const stranger = 'legal winner thank year wave sausage worth useful legal winner thank yellow'
    expect(await follow(told, stranger)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/not the recovery words of the owner/),
    })
    expect(await follow(told, '')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/recovery words are needed/),
    })
    const done = await follow(told, `${words}\n`)
    expect(done).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^Block 2 is the last one now; \d+ blocks above it went\./m),
    })
    expect(done.output).toMatch(/seals nothing until/)

    relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0.4'] })
    const status = await statusOf(dataDir)
    expect(status.tip.height).toBe(2)
    expect(status.mining).toMatchObject({
      state: 'stopped',
      sentence: expect.stringMatching(/^The chain was taken back to block 2,.*seals nothing.*"lares recover"/),
    })
    expect(status.incidents.map(({ code }) => code)).toContain('chain-taken-back')
  })

  it('is not taken for a new one when its chain is gone', { timeout: TEST_MS }, async () => {
    await copyWith(async () => {})
    rmSync(join(dataDir, 'chain'), { recursive: true })
    await expectRefusal(/^The chain of this relay is no longer in .* Restore it from a backup/)
  })

  it('has lost the file that names the others: says what helps, and that helps', { timeout: TEST_MS }, async () => {
    await copyWith(async () => {})
    const chain = join(dataDir, 'chain')
    for (const name of readdirSync(chain)) if (name === 'CURRENT') rmSync(join(chain, name))
    const sentence = await expectRefusal(/^The chain database is damaged \(the file CURRENT is missing\)/)
    expect(await follow(sentence)).toMatchObject({ code: 0 })
    await expectToMine()
  })
})

describe('a database of another format', () => {
  /** A relay that had its kept database all along. */
  async function relayOf(format: number): Promise<void> {
    dataDir = await makeDataDir()
    const seed = toHex(sha256(asciiBytes('database fixture keeper 0')))
    writeFileSync(join(dataDir, 'lares.json'), JSON.stringify({ kind: 'lares-relay', format: 1 }))
    writeFileSync(join(dataDir, 'keys.json'), JSON.stringify({ version: 1, walletSeed: seed, sealingSeed: seed }))
    mkdirSync(join(dataDir, 'chain'))
    await writeFixture(join(dataDir, 'chain'), readFixture(format))
  }

  it.each(Array.from({ length: FORMAT }, (_, i) => i + 1))(
    'format %i: starts where it was',
    { timeout: TEST_MS },
    async (format) => {
      await relayOf(format)
      relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0'] })
      const { tip: last, settled } = await statusOf(dataDir)
      expect({ height: last.height, hash: last.hash }).toEqual(readFixture(format).tip)
      expect(settled.height).toBeLessThanOrEqual(last.height)
      expect(fromHex(last.hash)).toHaveLength(32)
      await relay.stop()
      relay = undefined
      expect(await lares(dataDir, 'db', 'verify')).toMatchObject({ code: 0 })
      expect(await lares(dataDir, 'db', 'compact')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/takes [\d.]+ MB now/),
      })
    },
  )

  it('newer than this program: says "update"', { timeout: TEST_MS }, async () => {
    await relayOf(FORMAT)
    await atRest(dataDir, (level) => level.put(KEYS.meta('format'), formatMark(FORMAT + 1)))
    await expectRefusal(/^The chain database was made by a newer Lares .*: update Lares, and start it again\./)
    for (const command of [['verify'], ['verify', '--repair'], ['compact']])
      expect((await lares(dataDir, 'db', ...command)).stderr).toMatch(/made by a newer Lares/)
  })
})
