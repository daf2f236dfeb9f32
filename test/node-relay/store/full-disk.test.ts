/**
 * A disk that is really full while LevelDB writes, and one that only says so: nothing half written is ever seen, reading
 * goes on, and writing, once there is room again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { verifyChain } from '../../../node-relay/full-node/verify-chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { KEPT_FREE_BYTES } from '../../../node-relay/store/checked-level.ts'
import { LaresError } from '../../../shared/errors.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'
import { createSmallDisk, smallDiskObstacle } from '../../framework/small-disk.ts'

const obstacle = smallDiskObstacle()
if (obstacle !== undefined) console.log(`Tests on a really full disk are left out: ${obstacle}`)
const DISK_MEGABYTES = 24
const verifier = createNodeVerifier()
const now = () => Date.UTC(2030, 0, 1)
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close()
})

async function openAt(location: string, genesis: ChainBuilder['genesis'] | undefined, freeBytes: () => number) {
  const store = await ChainStore.open(location, { freeBytes })
  return { store, chain: await FullChain.open({ store, verifier, now, genesis }) }
}

async function chainOf(blocks: number): Promise<ChainBuilder> {
  const builder = new ChainBuilder()
  await foundRelay(builder)
  await builder.mineMany(blocks)
  return builder
}

describe.skipIf(obstacle !== undefined)('a disk that is full in the middle of a write', () => {
  // Own blocks run into it with the file of the last seal, those of others with LevelDB's log.
  it.each([
    ['own blocks', true],
    ['blocks of others', false],
  ])('%s: is noticed; what is there is served, and writing goes on with room', { timeout: 120_000 }, async (_, own) => {
    const disk = createSmallDisk(DISK_MEGABYTES)
    closing.push(() => disk.remove())
    const builder = await chainOf(60)
    // Its own look at the free room is taken from it: LevelDB itself runs into the end of the disk.
    const { store, chain } = await openAt(join(disk.path, 'chain'), builder.genesis, () => Number.POSITIVE_INFINITY)
    const [early, rest] = [builder.from(1).slice(0, 5), builder.from(6)]
    for (const { block } of early) await chain.accept(block, { own: true })
    disk.fill(8 * 1024)

    let failed: BuiltBlock | undefined
    for (const one of rest) {
      const error = await chain.accept(one.block, { own }).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error === undefined) continue
      expect(error).toMatchObject({ code: 'disk-full', message: expect.stringMatching(/^The disk .* is full\./) })
      failed = one
      break
    }
    if (failed === undefined) throw new Error('the disk was never full')
    const before = chain.tip
    expect(before.height).toBe(failed.node.height - 1)
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(chain.accept(failed.block, { own })).rejects.toMatchObject({ code: 'disk-full' })
      await store.heal()
      expect(chain.tip).toBe(before)
      expect(store.tip()?.hash).toEqual(before.hash)
      expect(store.block(before.hash)?.header.height).toBe(before.height)
      expect(store.headerItem(failed.node.height)).toBeUndefined()
      for (const _ of chain.state.leaves());
    }

    disk.empty()
    await store.heal()
    expect(store.problem).toBeUndefined()
    for (const { block } of builder.from(failed.node.height)) expect((await chain.accept(block)).kind).toBe('extension')
    await store.close()
    const again = await openAt(join(disk.path, 'chain'), undefined, () => Number.POSITIVE_INFINITY)
    expect(again.chain.tip.id).toBe(builder.tip.node.id)
    expect(await verifyChain({ store: again.store, verifier })).toMatchObject({ damages: [] })
    await again.store.close()
  })
})

describe('a disk with little room', () => {
  it('takes no block, and says so, before LevelDB runs into its end', async () => {
    const location = mkdtempSync(join(tmpdir(), 'lares-full-'))
    closing.push(() => rmSync(location, { recursive: true, force: true }))
    const builder = await chainOf(4)
    let free = Number.POSITIVE_INFINITY
    const { store, chain } = await openAt(location, builder.genesis, () => free)
    const [first, second, third] = builder.from(1) as [BuiltBlock, BuiltBlock, BuiltBlock]
    await chain.accept(first.block, { own: true })
    expect(chain.obstacle).toBeUndefined()

    free = KEPT_FREE_BYTES - 1
    expect(chain.obstacle).toEqual({
      code: 'disk-full',
      sentence:
        'The disk with the data folder is full: 16 MB must be free. Make room on it. Mining has stopped, and goes on by itself then.',
    })
    for (const own of [true, false])
      await expect(chain.accept(second.block, { own })).rejects.toBeInstanceOf(LaresError)
    expect(chain.tip.id).toBe(first.node.id)
    expect(store.sealedBlock()?.hash).toEqual(first.node.hash)

    free = Number.POSITIVE_INFINITY
    expect(chain.obstacle).toBeUndefined()
    for (const { block } of [second, third]) expect((await chain.accept(block, { own: true })).kind).toBe('extension')
    await store.close()
  })
})
