/**
 * Kept databases, one for each format that there ever was: a small chain with registrations, a roster change, a branch and
 * own seals, as pairs of key and value. `node test/framework/database-fixture.ts FILE` writes one in the present format.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../node-relay/store/chain-store.ts'
import { admitKeeper, foundRelay, registerByOwner } from './chain-actions.ts'
import { ChainBuilder, namedSigner } from './chain-builder.ts'

export interface DatabaseFixture {
  /** Last block, hex. */
  readonly tip: { readonly height: number; readonly hash: string }
  /** The header that the relay sealed last, hex. */
  readonly lastSealed: { readonly height: number; readonly previousHash: string; readonly hash: string }
  /** Hex and base64. */
  readonly records: readonly (readonly [string, string])[]
}

/** A chain that is the same each time. */
async function fixtureChain(): Promise<ChainBuilder> {
  const builder = new ChainBuilder({ name: 'database fixture', keepers: 2 })
  const relay = await foundRelay(builder)
  const third = await registerByOwner(builder, { wallet: namedSigner('third'), endorsers: [relay] })
  await builder.mine()
  await admitKeeper(builder, third, namedSigner('third sealing'))
  await builder.mineMany(4)
  return builder
}

export async function makeFixture(): Promise<DatabaseFixture> {
  const location = mkdtempSync(join(tmpdir(), 'lares-fixture-'))
  try {
    const builder = await fixtureChain()
    const side = await builder.mine({ on: builder.at(5), seat: 1, time: builder.at(6).block.header.time + 1 })
    const store = await ChainStore.open(location)
    const now = () => Date.UTC(2030, 0, 1)
    const chain = await FullChain.open({ store, verifier: createNodeVerifier(), now, genesis: builder.genesis })
    for (const { block } of builder.from(1)) {
      await chain.accept(block, { own: block.header.seat === 0 })
      if (block.header.height === 6) await chain.accept(side.block)
    }
    const sealed = chain.lastSealed
    await store.close()
    if (sealed === undefined) throw new Error('nothing was sealed')
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    return {
      tip: { height: chain.tip.height, hash: chain.tip.id },
      lastSealed: { height: sealed.height, previousHash: hex(sealed.previousHash), hash: hex(sealed.hash) },
      records: await dump(location),
    }
  } finally {
    rmSync(location, { recursive: true, force: true })
  }
}

export function readFixture(format: number): DatabaseFixture {
  const path = join(import.meta.dirname, `../vectors/chain-database-${format}.json`)
  return JSON.parse(readFileSync(path, 'utf8')) as DatabaseFixture
}

/** Makes a database of these very records. */
export async function writeFixture(location: string, { records }: DatabaseFixture): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  await level.batch(
    records.map(([key, value]) => ({
      type: 'put',
      key: Buffer.from(key, 'hex'),
      value: Buffer.from(value, 'base64'),
    })),
  )
  await level.close()
}

/** Every record of a closed database. */
export async function dump(location: string): Promise<[string, string][]> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  const records: [string, string][] = []
  for await (const [key, value] of level.iterator())
    records.push([Buffer.from(key).toString('hex'), Buffer.from(value).toString('base64')])
  await level.close()
  return records
}

const [, program, file] = process.argv
if (program === import.meta.filename && file !== undefined) {
  const { records, ...rest } = await makeFixture()
  const lines = records.map((one) => `    ${JSON.stringify(one)}`).join(',\n')
  const head = JSON.stringify(rest, undefined, 2).replace(/\n\}$/, '')
  writeFileSync(file, `${head},\n  "records": [\n${lines}\n  ]\n}\n`)
}
