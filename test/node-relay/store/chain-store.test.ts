import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { formatMark } from '../../../node-relay/store/format.ts'
import { KEYS } from '../../../node-relay/store/key-table.ts'
import { asciiBytes } from '../../../shared/bytes.ts'
import { encodeReference } from '../../../shared/state-tree/storage.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

let location: string
beforeEach(() => {
  location = mkdtempSync(join(tmpdir(), 'lares-store-'))
})
afterEach(() => rmSync(location, { recursive: true, force: true }))

const code = (expected: string) => expect.objectContaining({ name: 'LaresError', code: expected })
const now = () => Number.MAX_SAFE_INTEGER

async function openFull(genesis?: ChainBuilder['genesis']) {
  const store = await ChainStore.open(location)
  try {
    return { store, chain: await FullChain.open({ store, verifier: createNodeVerifier(), now, genesis }) }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Changes records behind the store's back. */
async function tamper(change: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>) {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  await change(level)
  await level.close()
}

async function written(): Promise<ChainBuilder> {
  const builder = new ChainBuilder()
  await foundRelay(builder)
  await builder.mineMany(2)
  const { store, chain } = await openFull(builder.genesis)
  for (const { block } of builder.from(1)) await chain.accept(block)
  await store.close()
  return builder
}

describe('chain store', () => {
  it('wants a genesis for a new database, and only then', async () => {
    await expect(openFull()).rejects.toEqual(code('no-genesis'))
    const builder = await written()
    const { store, chain } = await openFull()
    expect(chain.tip.id).toBe(builder.tip.node.id)
    await store.close()
  })

  it('is open once', async () => {
    const store = await ChainStore.open(location)
    await expect(ChainStore.open(location)).rejects.toEqual(code('database-locked'))
    await store.close()
    await (await ChainStore.open(location)).close()
  })

  it('knows its own records when mark and genesis are lost', async () => {
    await written()
    await tamper(async (level) => {
      await level.del(KEYS.meta('format'))
      await level.del(KEYS.meta('genesis'))
    })
    await expect(ChainStore.open(location)).rejects.toMatchObject({
      code: 'database-damaged',
      message: expect.stringMatching(/lares db verify --repair/),
    })
  })

  it('leaves a database of another program, or of another version, as it is', async () => {
    await tamper((level) => level.put(asciiBytes('somebody'), asciiBytes('else')))
    await expect(ChainStore.open(location)).rejects.toEqual(code('database-foreign'))
    await tamper(async (level) => {
      expect(await level.keys().all()).toHaveLength(1)
      await level.del(asciiBytes('somebody'))
      await level.put(KEYS.meta('format'), formatMark(99))
    })
    await expect(ChainStore.open(location)).rejects.toMatchObject({
      code: 'database-newer',
      message: expect.stringMatching(/made by a newer Lares .* update Lares/),
    })
    await tamper((level) => level.put(KEYS.meta('format'), formatMark(1)))
    await (await ChainStore.open(location)).close()
  })

  it('calls a folder whose files are broken damaged', async () => {
    await written()
    writeFileSync(join(location, 'CURRENT'), 'nonsense')
    await expect(ChainStore.open(location)).rejects.toEqual(code('database-damaged'))
  })

  it('opens at an earlier block boundary, or calls it damaged, when the end of the log is gone', async () => {
    const builder = await written()
    const log = readdirSync(location).find((name) => name.endsWith('.log')) as string
    truncateSync(join(location, log), 3_000)
    const outcome = await openFull().catch((error: unknown) => error)
    if (outcome instanceof Error)
      expect(outcome).toEqual(code(expect.stringMatching(/^(database-damaged|no-genesis)$/) as never))
    else {
      const { store, chain } = outcome as Awaited<ReturnType<typeof openFull>>
      expect(chain.tip.id).toBe(builder.at(chain.tip.height).node.id)
      await store.close()
    }
  })

  it.each<[string, (builder: ChainBuilder) => Uint8Array]>([
    ['genesis', () => KEYS.meta('genesis')],
    ['tip', () => KEYS.meta('tip')],
    ['settled', () => KEYS.meta('settled')],
    ['first header', () => KEYS.header(0)],
    ['a header', () => KEYS.header(2)],
    ['state of the tip', () => KEYS.stateVersion(4)],
  ])('does not open with a damaged record: %s', async (_, keyOf) => {
    const key = keyOf(await written())
    let record = new Uint8Array()
    await tamper(async (level) => {
      record = new Uint8Array((await level.get(key)) as Uint8Array)
      await level.put(key, record.subarray(0, -1))
    })
    await expect(openFull()).rejects.toEqual(code('database-damaged'))
    await tamper((level) => level.put(key, Uint8Array.of(...record, 0)))
    await expect(openFull()).rejects.toEqual(code('database-damaged'))
    await tamper((level) => level.put(key, record))
    await (await openFull()).store.close()
  })

  it('does not open with an altered header, another state root, or a missing one', async () => {
    await written()
    const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
    for (const [key, at] of [
      [KEYS.header(3), 100],
      [KEYS.meta('genesis'), 20],
      [KEYS.stateVersion(4), 20],
      [KEYS.meta('tip'), 10],
    ] as const) {
      let record = new Uint8Array()
      await tamper(async (level) => {
        record = new Uint8Array((await level.get(key)) as Uint8Array)
        await level.put(key, flip(record, at))
      })
      await expect(openFull(), `${key[0]}`).rejects.toEqual(code('database-damaged'))
      await tamper((level) => level.put(key, record))
    }
    await tamper((level) => level.del(KEYS.stateVersion(4)))
    await expect(openFull()).rejects.toEqual(code('database-damaged'))
  })

  it('gives a coded error for a state node or a body that is missing or damaged', async () => {
    const builder = await written()
    const { reference } = builder.tip.tree
    const nodeKey = KEYS.stateNode(encodeReference(reference as NonNullable<typeof reference>))
    await tamper(async (level) => {
      await level.put(KEYS.block(builder.at(1).node.hash), Uint8Array.of(1))
      await level.put(KEYS.history(0, 0), Uint8Array.of(1))
    })
    const { store } = await openFull()
    expect(() => store.block(builder.at(1).node.hash)).toThrow(code('database-damaged'))
    expect(() => store.historyNode(0, 0)).toThrow(code('database-damaged'))
    await store.close()
    // The state is read through at the start: a relay that cannot serve or validate is not to run.
    await tamper((level) => level.put(nodeKey, Uint8Array.of(9, 9)))
    await expect(openFull()).rejects.toEqual(code('database-damaged'))
  })
})
