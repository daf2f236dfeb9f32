/**
 * One flipped byte in each kind of record: the relay opens as it was, or names the command that helps, and that command
 * brings back exactly what was there. Then whole files: bytes flipped, cut off and lost, as a disk does it.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { createObstacleWatch } from '../../../node-relay/full-node/obstacle-watch.ts'
import { rebuildChain } from '../../../node-relay/full-node/rebuild-chain.ts'
import { verifyChain } from '../../../node-relay/full-node/verify-chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { KEYS, TABLES } from '../../../node-relay/store/key-table.ts'
import { LaresError } from '../../../shared/errors.ts'
import { admitKeeper, foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { seededRandom } from '../mining/seeded-random.ts'

const BLOCKS = 12
/** Damaged copies of each kind of file. */
const FILE_DAMAGES = 12
/** What a relay says when it finds damage at its start. */
const SAYS_WHAT_HELPS = /lares db verify --repair/

const verifier = createNodeVerifier()
const now = () => Date.UTC(2030, 0, 1)
let folder: string
let kept: string
let builder: ChainBuilder
/** A branch of one block beside the best chain. */
let side: BuiltBlock

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lares-damage-'))
  kept = join(folder, 'kept')
  // Two keepers: the other's blocks are beside the own ones.
  builder = new ChainBuilder({ keepers: 2 })
  const relay = await foundRelay(builder)
  const third = await registerByOwner(builder, { wallet: namedSigner('third'), endorsers: [relay] })
  await builder.mine()
  await admitKeeper(builder, third, namedSigner('third sealing'))
  await builder.mine()
  for (let i = builder.tip.node.height; i < BLOCKS - 1; i++) {
    await registerByOwner(builder, { wallet: namedSigner(`device ${i}`), endorsers: [relay] })
    await builder.mine()
  }
  side = await builder.mine({ on: builder.at(BLOCKS - 2), seat: 1, time: builder.tip.block.header.time + 500 })
  await builder.mine()
  const { store, chain } = await openAt(kept, builder.genesis)
  const own = ({ block }: BuiltBlock) => block.header.seat === 0
  for (const one of builder.from(1)) await chain.accept(one.block, { own: own(one) })
  expect((await chain.accept(side.block)).kind).toBe('fork')
  await store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function openAt(location: string, genesis?: ChainBuilder['genesis']) {
  const store = await ChainStore.open(location)
  try {
    const chain = await FullChain.open({ store, verifier, now, genesis })
    return { store, chain }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** A copy to damage. */
async function damagedCopy(change: (location: string) => Promise<void> | void): Promise<string> {
  const location = join(folder, 'damaged')
  rmSync(location, { recursive: true, force: true })
  cpSync(kept, location, { recursive: true })
  await change(location)
  return location
}

type Level = ClassicLevel<Uint8Array, Uint8Array>
async function tamper(location: string, change: (level: Level) => Promise<void>): Promise<void> {
  const level: Level = new ClassicLevel(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  await change(level)
  await level.close()
}

async function everything(location: string): Promise<Map<string, string>> {
  const records = new Map<string, string>()
  await tamper(location, async (level) => {
    for await (const [key, value] of level.iterator())
      records.set(Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex'))
  })
  return records
}

const rebuildAt = (location: string, to?: number) =>
  rebuildChain({ location, verifier, sealingKeys: [builder.keeper(0).publicKey], now, to })

async function reportOf(location: string) {
  const store = await ChainStore.open(location)
  try {
    return await verifyChain({ store, verifier })
  } finally {
    await store.close()
  }
}

/** Opens and reads all that a relay reads at its start. @returns the error it ends with */
async function startAt(location: string): Promise<unknown> {
  try {
    const { store, chain } = await openAt(location)
    try {
      for (const _ of chain.state.leaves());
      if (chain.lastSealed !== undefined) store.block(chain.lastSealed.hash)
      return undefined
    } finally {
      await store.close()
    }
  } catch (error) {
    return error
  }
}

describe('a whole database', () => {
  it('is found whole, with every kind of record in it', async () => {
    const location = await damagedCopy(() => {})
    const report = await reportOf(location)
    expect(report).toMatchObject({ damages: [], tip: BLOCKS, verifiedTo: BLOCKS, lostBody: undefined })
    const kinds = new Set(
      [...(await everything(location)).keys()].map((key) => Buffer.from(key, 'hex').toString('latin1', 0, 1)),
    )
    expect([...kinds].sort().join('')).toBe(Object.keys(TABLES).sort().join(''))
  })

  it('is made anew as it was, but for branches and what was made stale', async () => {
    const location = await damagedCopy(() => {})
    const before = await everything(location)
    expect(await rebuildAt(location)).toEqual({ kind: 'rebuilt', height: BLOCKS, restored: undefined })
    const after = await everything(location)
    for (const [key, value] of after) expect(before.get(key), key).toBe(value)
    const left = [...before.keys()]
      .filter((key) => !after.has(key))
      .map((key) => Buffer.from(key, 'hex').toString('latin1', 0, 1))
    expect(left.sort()).toEqual(['B', 'b'])
    expect(await startAt(location)).toBeUndefined()
  })
})

/** Every kind of record, and where one of it is. */
const RECORDS: readonly [string, (level: Level) => Promise<Uint8Array> | Uint8Array][] = [
  ['m format', () => KEYS.meta('format')],
  ['m genesis', () => KEYS.meta('genesis')],
  ['m tip', () => KEYS.meta('tip')],
  ['m settled', () => KEYS.meta('settled')],
  ['m last-sealed', () => KEYS.meta('last-sealed')],
  ['h first', () => KEYS.header(0)],
  ['h inner', () => KEYS.header(5)],
  ['h tip', () => KEYS.header(BLOCKS)],
  ['x', () => KEYS.headerHeight(builder.at(4).node.hash)],
  ['B', () => KEYS.blockAt(4, builder.at(4).node.hash)],
  ['B of a branch', () => KEYS.blockAt(side.node.height, side.node.hash)],
  ['b of a branch', () => KEYS.block(side.node.hash)],
  ['g', (level) => firstOf(level, 'g')],
  ['l leaf', () => KEYS.history(0, 3)],
  ['l peak', () => KEYS.history(3, 0)],
  ['r', () => KEYS.rosterChange(1)],
  ['s', (level) => firstOf(level, 's')],
  ['s root of the tip', async (level) => lastOf(level, 's')],
  ['v', () => KEYS.stateVersion(6)],
  ['v of the tip', () => KEYS.stateVersion(BLOCKS)],
  ['t', (level) => firstOf(level, 't')],
]

async function firstOf(level: Level, table: string): Promise<Uint8Array> {
  const [key] = await level.keys({ gte: Buffer.from(table), limit: 1 }).all()
  return key as Uint8Array
}
async function lastOf(level: Level, table: string): Promise<Uint8Array> {
  const [key] = await level
    .keys({ lt: Buffer.from(String.fromCharCode(table.charCodeAt(0) + 1)), reverse: true, limit: 1 })
    .all()
  return key as Uint8Array
}

describe.each(['flipped', 'lost'] as const)('one record that is %s', (how) => {
  it.each(RECORDS)('%s: is found, and repaired', async (_, keyOf) => {
    const random = seededRandom(how.length + _.length)
    const location = await damagedCopy((at) =>
      tamper(at, async (level) => {
        const key = await keyOf(level)
        const value = Buffer.from((await level.get(key)) as Uint8Array)
        if (how === 'lost') return await level.del(key)
        const byte = Math.floor(random() * value.length)
        value[byte] = (value[byte] as number) ^ (1 << Math.floor(random() * 8))
        await level.put(key, value)
      }),
    )
    const found = await startAt(location)
    if (found !== undefined) expect(found).toMatchObject({ message: expect.stringMatching(SAYS_WHAT_HELPS) })
    const report = await reportOf(location).catch((error: unknown) => error)
    // A branch that is not followed, or an own seal, that is wholly gone leaves no trace, and does no harm.
    const leavesNoTrace = how === 'lost' && /^B|^g|^m last-sealed|^m settled/.test(_)
    if (report instanceof LaresError) expect(report.message).toMatch(SAYS_WHAT_HELPS)
    else if (!leavesNoTrace) expect((report as { damages: string[] }).damages).not.toEqual([])
    const outcome = await rebuildAt(location)
    expect(outcome).toEqual({ kind: 'rebuilt', height: BLOCKS, restored: undefined })
    expect(await reportOf(location)).toMatchObject({ damages: [], tip: BLOCKS })
    const { store, chain } = await openAt(location)
    expect(chain.tip.id).toBe(builder.tip.node.id)
    // Whatever was lost, what it has sealed is known again.
    for (const one of builder.from(1).filter(({ block }) => block.header.seat === 0))
      expect(store.sealedOn(one.node.height, one.block.header.previousHash)).toEqual(one.node.hash)
    await store.close()
  })
})

const isOwn = ({ block }: BuiltBlock) => block.header.seat === 0
const lastOwn = () => builder.from(1).filter(isOwn).at(-1) as BuiltBlock

async function loseBodies(...blocks: readonly BuiltBlock[]): Promise<string> {
  return await damagedCopy((at) =>
    tamper(at, async (level) => {
      for (const { node } of blocks) await level.del(KEYS.block(node.hash))
    }),
  )
}

describe('a body that is lost', () => {
  it('is named, and the chain goes back to below it; the relay seals nothing until its blocks are back', async () => {
    const location = await loseBodies(builder.at(9))
    expect(await reportOf(location)).toMatchObject({ lostBody: 9, tip: BLOCKS })
    expect(await rebuildAt(location)).toMatchObject({ kind: 'block-lost', height: 9, tip: BLOCKS })
    expect(await reportOf(location)).toMatchObject({ lostBody: 9 })

    const highestSealed = { height: lastOwn().node.height, hash: lastOwn().node.hash }
    const outcome = await rebuildAt(location, 8)
    expect(outcome).toMatchObject({ kind: 'rebuilt', height: 8, restored: { height: 8, highestSealed } })
    expect(await reportOf(location)).toMatchObject({ damages: [], tip: 8 })
    // Again from there: the mark stays.
    expect(await rebuildAt(location)).toMatchObject({ kind: 'rebuilt', height: 8, restored: { highestSealed } })

    const { store, chain } = await openAt(location)
    expect(chain.tip.id).toBe(builder.at(8).node.id)
    expect(chain.obstacle?.code).toBe('chain-taken-back')
    for (const { block, node } of builder.from(9)) {
      await chain.accept(block)
      expect(chain.obstacle?.code).toBe(node.height < highestSealed.height ? 'chain-taken-back' : undefined)
    }
    expect(chain.tip.id).toBe(builder.tip.node.id)
    await store.close()
  })

  it('comes back from the file of the block sealed last', async () => {
    const location = await loseBodies(lastOwn())
    expect((await reportOf(location)).damages).toContain(`the body of block ${lastOwn().node.height} is lost`)
    expect(await rebuildAt(location)).toEqual({ kind: 'rebuilt', height: BLOCKS, restored: undefined })
    expect(await reportOf(location)).toMatchObject({ damages: [], tip: BLOCKS })
  })

  it('or going back for any reason leaves no own seal out, whichever record knows it', async () => {
    const location = await damagedCopy(() => {})
    const { height } = lastOwn().node
    const sealingKey = namedSigner('another by now').publicKey
    const outcome = await rebuildChain({ location, verifier, sealingKeys: [sealingKey], now, to: height - 1 })
    expect(outcome).toMatchObject({ kind: 'rebuilt', restored: { highestSealed: { height } } })
    const other = await damagedCopy(() => {})
    // All above were sealed by others: they are asked for them, and this relay goes on.
    expect(await rebuildAt(other, height)).toEqual({ kind: 'rebuilt', height, restored: undefined })
  })
})

describe('damage that is met while the relay runs', () => {
  it('is told once, with what helps, and keeps nobody from mining', async () => {
    const { hash } = builder.at(3).node
    const location = await damagedCopy((copy) =>
      tamper(copy, async (level) => {
        const value = Uint8Array.from((await level.get(KEYS.block(hash))) as Uint8Array)
        value[10] = (value[10] ?? 0) ^ 1
        await level.put(KEYS.block(hash), value)
      }),
    )
    const { store, chain } = await openAt(location)
    const told: string[] = []
    const watch = createObstacleWatch({ store, chain, report: (code, sentence) => told.push(`${code}: ${sentence}`) })
    expect(store.block(builder.at(4).node.hash)).toBeDefined()
    await watch.look()
    expect(told).toEqual([])
    for (let time = 0; time < 2; time++) {
      expect(() => store.block(hash)).toThrow(SAYS_WHAT_HELPS)
      await watch.look()
    }
    expect(told).toEqual([expect.stringMatching(/^database-damaged: .*lares db verify --repair/)])
    expect(chain.obstacle).toBeUndefined()
    await store.close()
  })
})

/** Nothing that this relay sealed can be sealed against: it is known, or nothing is sealed. */
async function expectNoEquivocation(location: string): Promise<void> {
  const { store, chain } = await openAt(location)
  try {
    expect(builder.at(chain.tip.height).node.id).toBe(chain.tip.id)
    const isKnown = builder
      .from(1)
      .filter(isOwn)
      .every(({ node, block }) => store.sealedOn(node.height, block.header.previousHash) !== undefined)
    expect(isKnown || chain.obstacle?.code === 'chain-taken-back').toBe(true)
  } finally {
    await store.close()
  }
}

/** What a person does who follows the sentences. */
async function repairAsTold(location: string): Promise<number> {
  const found = await startAt(location)
  if (found !== undefined) expect(found).toMatchObject({ message: expect.stringMatching(SAYS_WHAT_HELPS) })
  const report = await reportOf(location).catch((error: unknown) => error)
  if (!(report instanceof Error) && (report as { damages: string[] }).damages.length === 0)
    return (report as { tip: number }).tip
  const outcome = await rebuildAt(location)
  if (outcome.kind === 'rebuilt') return outcome.height
  expect(await rebuildAt(location, outcome.height - 1)).toMatchObject({ kind: 'rebuilt', height: outcome.height - 1 })
  return outcome.height - 1
}

describe('files that are damaged', () => {
  it('lose no seal when the end of the log is cut off', async () => {
    for (let cut = 1; cut < 40_000; cut = Math.ceil(cut * 2.3)) {
      const location = await damagedCopy((at) => {
        const log = readdirSync(at).find((name) => name.endsWith('.log')) as string
        const { size } = statSync(join(at, log))
        truncateSync(join(at, log), Math.max(0, size - cut))
      })
      const found = await startAt(location)
      if (found !== undefined) {
        expect(found, `${cut} bytes`).toMatchObject({ message: expect.stringMatching(SAYS_WHAT_HELPS) })
        continue
      }
      await expectNoEquivocation(location)
    }
  })

  it('one table without any content shows only when it is read, and the rest is brought back', async () => {
    const tables = (at: string) => readdirSync(at).filter((name) => name.endsWith('.ldb'))
    const compact = async (at: string) => {
      const store = await ChainStore.open(at)
      await store.compact()
      await store.close()
    }
    const count = tables(await damagedCopy(compact)).length
    expect(count).toBeGreaterThan(0)
    for (let index = 0; index < count; index++) {
      const location = await damagedCopy(async (at) => {
        await compact(at)
        truncateSync(join(at, tables(at)[index] as string), 0)
      })
      try {
        await repairAsTold(location)
        expect(await reportOf(location)).toMatchObject({ damages: [] })
      } catch (error) {
        expect(error, `table ${index}`).toMatchObject({ message: expect.stringMatching(/restore a backup/) })
      }
    }
  })

  it.each(['log', 'tables'] as const)(
    '%s: opens whole, or says what helps, and that helps',
    async (where) => {
      const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)
      console.log(`seed ${seed}`)
      const random = seededRandom(seed)
      const heights: number[] = []
      for (let round = 0; round < FILE_DAMAGES; round++) {
        const location = await damagedCopy(async (at) => {
          if (where === 'tables') {
            const store = await ChainStore.open(at)
            await store.compact()
            await store.close()
          }
          const names = readdirSync(at).filter((name) => /\.(log|ldb)$|^MANIFEST|^CURRENT$/.test(name))
          const name = names[Math.floor(random() * names.length)] as string
          const bytes = readFileSync(join(at, name))
          if (bytes.length === 0 || random() < 0.1) return rmSync(join(at, name))
          const place = Math.floor(random() * bytes.length)
          if (random() < 0.2) return truncateSync(join(at, name), place)
          bytes[place] = (bytes[place] as number) ^ (1 << Math.floor(random() * 8))
          writeFileSync(join(at, name), bytes)
        })
        try {
          heights.push(await repairAsTold(location))
          expect(await startAt(location)).toBeUndefined()
          expect(await reportOf(location)).toMatchObject({ damages: [] })
          await expectNoEquivocation(location)
        } catch (error) {
          // Nothing at all can be read any more: said so, and a backup named.
          expect(error, `round ${round}`).toMatchObject({ message: expect.stringMatching(/restore a backup/) })
          heights.push(-1)
        }
      }
      console.log(`${where}: last blocks after the repair ${heights.join(' ')}`)
      expect(heights.filter((height) => height >= 0).length).toBeGreaterThan(FILE_DAMAGES / 2)
    },
    120_000,
  )
})
