/**
 * A relay killed at any instant comes back at a block boundary: a child process commits blocks (with registrations, and
 * branches that take turns in winning) and gets SIGKILL at random moments; each time the database is opened and looked at.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { toHex } from '../../../shared/bytes.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { transactionIdOf } from '../../../shared/transaction/transaction.ts'
import { registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const KILLS = 10
const BLOCKS = 160
const location = mkdtempSync(join(tmpdir(), 'lares-kill-'))
afterAll(() => rmSync(location, { recursive: true, force: true }))

/** Two branches that overtake each other; the second seat never seals, so all of it may move. */
async function blocksToCommit(builder: ChainBuilder): Promise<BuiltBlock[]> {
  const blocks: BuiltBlock[] = []
  for (let round = 0; blocks.length < BLOCKS; round++) {
    const root = builder.tip
    await registerByOwner(builder, { wallet: namedSigner(`left ${round}`) })
    blocks.push(await builder.mine({ seat: 0 }), await builder.mine({ seat: 0 }))
    builder.tip = root
    await registerByOwner(builder, { wallet: namedSigner(`right ${round}`) })
    for (let i = 0; i < 3; i++)
      blocks.push(await builder.mine({ seat: 0, time: builder.tip.block.header.time + 900 + i }))
  }
  return blocks
}

const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

async function start(message: object): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'kill-child.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  child.send(message)
  await once(child, 'message')
  return child
}

describe('a relay killed while it commits', () => {
  it('comes back at a block boundary', async () => {
    const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)
    console.log(`seed ${seed}`)
    const next = random(seed)
    const builder = new ChainBuilder({ keepers: 2 })
    const blocks = await blocksToCommit(builder)
    const encoded = blocks.map(({ block }) => Buffer.from(blockCodec.encode(block)).toString('base64'))
    const genesis = Buffer.from(genesisCodec.encode(builder.genesis)).toString('base64')

    let killed = 0
    const tips: number[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const child = await start({ location, genesis, blocks: encoded })
      const gone = once(child, 'exit')
      await Promise.race([delay(5 + next() * 300), once(child, 'message')])
      if (child.kill('SIGKILL')) killed++
      await gone

      const store = await ChainStore.open(location)
      const chain = await FullChain.open({ store, verifier: createNodeVerifier(), now: () => Number.MAX_SAFE_INTEGER })
      const tip = builder.blocks.get(chain.tip.id) as BuiltBlock
      expect(tip).toBeDefined()
      expect(toHex(chain.state.root)).toBe(toHex(tip.block.header.stateRoot))
      expect([...chain.state.leaves()]).toEqual([...tip.tree.leaves()])
      expect(store.headerItem(tip.node.height + 1)).toBeUndefined()
      for (let one: BuiltBlock | undefined = tip; one !== undefined; one = one.parent) {
        expect(store.heightOf(one.node.hash)).toBe(one.node.height)
        expect(store.blockBytes(one.node.hash)).toEqual(blockCodec.encode(one.block))
        for (const [index, bytes] of one.block.transactions.entries())
          expect(store.transactionPlace(transactionIdOf(builder.networkId, bytes))).toEqual({
            height: one.node.height,
            index,
          })
      }
      tips.push(tip.node.height)
      await store.close()
    }
    console.log(`killed ${killed} times, at heights ${tips.join(' ')}`)
    expect(killed).toBeGreaterThan(KILLS / 2)
    expect(Math.max(...tips)).toBeGreaterThan(0)

    // And it goes on from there.
    const store = await ChainStore.open(location)
    const chain = await FullChain.open({ store, verifier: createNodeVerifier(), now: () => Number.MAX_SAFE_INTEGER })
    for (const { block } of blocks) await chain.accept(block)
    expect(chain.tip.work).toBe(builder.tip.node.work)
    await store.close()
  }, 120_000)
})
