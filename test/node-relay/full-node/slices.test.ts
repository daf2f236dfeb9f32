/** A block is validated, stored and built in slices: the relay goes on between them, and sees no half of it. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createBlockSource } from '../../../node-relay/full-node/block-source.ts'
import { Pace, SLICE_MS } from '../../../node-relay/pace.ts'
import { toHex } from '../../../shared/bytes.ts'
import { createRegisterBlocks, type RegisterBlocks } from '../../bench/chain/register-blocks.ts'
import { closeAll, kinds, type OpenChain, openChain } from './open-chain.ts'

const REGISTRATIONS = 700

let blocks: RegisterBlocks
let full: OpenChain
/** Looks at the clock since the last pause: each stands for a millisecond of work. */
let looks: number
let slices: number[]
let onPause: () => unknown

function createPace(): Pace {
  let now = 0
  return new Pace({
    now() {
      looks++
      now++
      return now
    },
    async breathe() {
      slices.push(looks)
      looks = 0
      await onPause()
    },
  })
}

beforeEach(async () => {
  looks = 0
  slices = []
  onPause = () => {}
  blocks = await createRegisterBlocks()
  full = await openChain(blocks.builder, { createPace })
  await full.feed(...blocks.builder.from(1))
})
afterEach(closeAll)

it('a block pauses all along, and what is read meanwhile is the state before it', { timeout: 60_000 }, async () => {
  const before = { id: full.chain.tip.id, root: toHex(full.chain.state.root) }
  const built = await blocks.mine(REGISTRATIONS)
  slices = []
  looks = 0
  const seen = new Set<string>()
  onPause = () =>
    seen.add(`${full.chain.tip.id} ${toHex(full.chain.state.root)} ${[...full.chain.state.leaves()].length}`)
  expect(kinds(await full.feed(built))).toEqual(['extension'])
  expect(full.chain.tip.id).toBe(built.node.id)
  expect(full.chain.state.root).toEqual(built.tree.root)
  expect([...seen]).toEqual([expect.stringContaining(`${before.id} ${before.root} `)])
  // Every transaction is looked at after its hash, its rules, its ID, its place; every state node twice.
  expect(slices.length).toBeGreaterThan((6 * REGISTRATIONS) / SLICE_MS)
  expect(Math.max(...slices)).toBeLessThanOrEqual(SLICE_MS + 2)
})

it('two blocks at once are taken one after the other', { timeout: 60_000 }, async () => {
  const first = await blocks.mine(40)
  const second = await blocks.mine(40)
  expect(kinds(await Promise.all([full.chain.accept(first.block), full.chain.accept(second.block)]))).toEqual([
    'extension',
    'extension',
  ])
  expect(full.chain.state.root).toEqual(second.tree.root)
})

it('a template pauses too, and is begun anew when the tip moves meanwhile', { timeout: 60_000 }, async () => {
  const waiting = await blocks.transactions(200)
  const refused: string[] = []
  const other = await blocks.builder.mine({ transactions: waiting.slice(0, 50) })
  let moved: Promise<unknown> | undefined
  let pauses = 0
  const source = createBlockSource({
    chain: full.chain,
    verifier: createNodeVerifier(),
    sealingKey: () => blocks.builder.keeper(0).publicKey,
    candidates: () => waiting,
    refuse: (_, code) => refused.push(code),
    createPace() {
      let now = 0
      const breathe = async () => {
        pauses++
        moved ??= full.feed(other)
        await moved
      }
      return new Pace({ now: () => now++, breathe })
    },
  })
  const template = await source.template(other.block.header.time + 1_000)
  if ('wait' in template) throw new Error(template.wait)
  expect(full.chain.tip.id).toBe(other.node.id)
  expect(template.header.previousHash).toEqual(other.node.hash)
  expect(template.transactions).toEqual(waiting.slice(50))
  // Refused by the new tip only: nothing that the old one refused, or took, is let go.
  expect(refused).toEqual(Array.from({ length: 50 }, () => 'voucher-used'))
  expect(pauses).toBeGreaterThan((2 * 200) / SLICE_MS)
})
