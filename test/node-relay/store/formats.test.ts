/**
 * A database of every format there ever was is led to the present one, cut off at any step; a newer one is left as it is.
 * The kept databases were written by the code of their format.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { verifyChain } from '../../../node-relay/full-node/verify-chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { FORMAT, formatMark } from '../../../node-relay/store/format.ts'
import { KEYS } from '../../../node-relay/store/key-table.ts'
import { continueMigration } from '../../../node-relay/store/migrations.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { dump, makeFixture, readFixture, writeFixture } from '../../framework/database-fixture.ts'

type Level = ClassicLevel<Uint8Array, Uint8Array>
const FORMATS = Array.from({ length: FORMAT }, (_, i) => i + 1)
const STEP_RECORDS = 7

let location: string
beforeEach(() => {
  location = mkdtempSync(join(tmpdir(), 'lares-format-'))
})
afterEach(() => rmSync(location, { recursive: true, force: true }))

async function openLevel(): Promise<Level> {
  const level: Level = new ClassicLevel(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  return level
}

describe.each(FORMATS)('a database of format %i', (format) => {
  it('opens, whole, with what its relay has sealed', async () => {
    const fixture = readFixture(format)
    await writeFixture(location, fixture)
    const store = await ChainStore.open(location)
    const verifier = createNodeVerifier()
    const chain = await FullChain.open({ store, verifier, now: () => Date.UTC(2030, 0, 1) })
    expect({ height: chain.tip.height, hash: chain.tip.id }).toEqual(fixture.tip)
    const { height, previousHash, hash } = fixture.lastSealed
    expect(toHex(store.sealedOn(height, fromHex(previousHash)) ?? new Uint8Array())).toBe(hash)
    expect(await verifyChain({ store, verifier })).toMatchObject({ damages: [], verifiedTo: fixture.tip.height })
    await store.close()
    expect(Buffer.from(new Map(await dump(location)).get(toHex(KEYS.meta('format'))) ?? '', 'base64')).toEqual(
      Buffer.from(formatMark(FORMAT)),
    )
  })
})

describe('a migration', () => {
  it('ends with the same records wherever it was cut off, and an older Lares refuses what is between', async () => {
    await writeFixture(location, readFixture(1))
    await (await ChainStore.open(location)).close()
    const wanted = await dump(location)

    let batches = 0
    for (let kept = 0; ; kept++) {
      rmSync(location, { recursive: true, force: true })
      await writeFixture(location, readFixture(1))
      const level = await openLevel()
      batches = 0
      // The disk is gone after so many batches: a batch is all or nothing, so this is every place to be killed at.
      const mortal = new Proxy(level, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown
          if (name !== 'batch') return typeof value === 'function' ? value.bind(target) : value
          return (...args: Parameters<Level['batch']>) => {
            if (batches === kept) throw new Error('killed')
            batches++
            return target.batch(...args)
          }
        },
      })
      const migrating = continueMigration(mortal, {
        from: 1,
        to: FORMAT,
        markOf: formatMark,
        stepRecords: STEP_RECORDS,
      })
      const outcome = await migrating.then(
        () => 'done',
        (error: Error) => error.message,
      )
      const mark = Buffer.from((await level.get(KEYS.meta('format'))) as Uint8Array).toString()
      if (kept > 0) expect(mark).not.toBe('lares-chain-1')
      await level.close()
      if (outcome === 'done') break
      expect(outcome).toBe('killed')
      await (await ChainStore.open(location)).close()
      expect(await dump(location), `cut off after ${kept} batches`).toEqual(wanted)
    }
    expect(batches).toBeGreaterThan(wanted.length / STEP_RECORDS)
  })
})

describe('a database of a newer Lares', () => {
  it('is refused with a sentence, and left as it is', async () => {
    await writeFixture(location, readFixture(FORMAT))
    const level = await openLevel()
    await level.put(KEYS.meta('format'), formatMark(FORMAT + 1))
    await level.close()
    const before = await dump(location)
    for (const repair of [false, true])
      await expect(ChainStore.open(location, { repair })).rejects.toMatchObject({
        code: 'database-newer',
        message: expect.stringMatching(/made by a newer Lares .*: update Lares/),
      })
    expect(await dump(location)).toEqual(before)
  })
})

describe('the kept database of the present format', () => {
  it('is what this code writes', async () => {
    expect(await makeFixture()).toEqual(readFixture(FORMAT))
  })
})
