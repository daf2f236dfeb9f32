import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createBranchMemory } from '../../../node-relay/full-node/branch-memory.ts'
import { createEquivocationWatch, MAX_WATCHED_HEADERS } from '../../../node-relay/full-node/equivocation-watch.ts'
import { accept } from '../../../shared/errors.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

let dataDir: string
let builder: ChainBuilder
let full: OpenChain
let submitted: Uint8Array[]
let reports: string[]

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-evidence-'))
  builder = new ChainBuilder({ keepers: 3 })
  await foundRelay(builder)
  await builder.mineMany(4)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  submitted = []
  reports = []
})
afterEach(async () => {
  await closeAll()
  rmSync(dataDir, { recursive: true, force: true })
})

function watch() {
  return createEquivocationWatch({
    dataDir,
    chain: full.chain,
    verifier: createNodeVerifier(),
    async submit(transaction) {
      submitted.push(transaction)
      return accept(null)
    },
    report: (seat, height) => void reports.push(`${seat} ${height}`),
  })
}

/** Two blocks of one seat on the tip; the device of seat 0 is the one that is registered. */
async function twice(seat: number): Promise<readonly [BuiltBlock, BuiltBlock]> {
  const on = builder.tip
  const time = on.block.header.time
  return [await builder.mine({ on, seat, time: time + 2_000 }), await builder.mine({ on, seat, time: time + 3_000 })]
}

describe('two headers of one seat on one parent', () => {
  it('are handed in, and the block with them takes the seat away', async () => {
    const [one, other] = await twice(0)
    const watcher = watch()
    watcher.see(one.node)
    watcher.see(one.node)
    await watcher.offer()
    expect({ submitted, reports }).toEqual({ submitted: [], reports: [] })
    watcher.see(other.node)
    watcher.see(other.node)
    await full.feed(one)
    await watcher.offer()
    expect(reports).toEqual([`0 ${one.node.height}`])
    expect(submitted).toHaveLength(1)
    const next = await builder.mine({ on: one, seat: 1, transactions: submitted })
    expect(next.node.roster.members.map(({ seat }) => seat)).toEqual([1, 2])
    await full.feed(next)
    await watcher.offer()
    expect(submitted).toHaveLength(1)
  })

  it('are found among the newest headers, however many came before, and no further back', async () => {
    const [one, other] = await twice(0)
    const watcher = watch()
    for (let i = 0; i < MAX_WATCHED_HEADERS + 7; i++) watcher.see({ ...one.node, id: `${i}`, parentId: `p${i}` })
    watcher.see(one.node)
    watcher.see(other.node)
    expect(reports).toHaveLength(1)

    const [early, late] = await twice(1)
    const forgetful = watch()
    forgetful.see(early.node)
    for (let i = 0; i < MAX_WATCHED_HEADERS; i++) forgetful.see({ ...one.node, id: `${i}`, parentId: `p${i}` })
    forgetful.see(late.node)
    expect(reports).toHaveLength(1)
  })

  it('are kept over a restart, and for as long as the seat is not gone for good', async () => {
    const [one, other] = await twice(0)
    const first = watch()
    first.see(one.node)
    first.see(other.node)
    const second = watch()
    await second.offer()
    expect(submitted).toHaveLength(1)
    expect(reports).toHaveLength(1)
  })

  it('of different seats, or on different parents, are nothing', async () => {
    const watcher = watch()
    const on = builder.tip
    watcher.see((await builder.mine({ on, seat: 0 })).node)
    watcher.see((await builder.mine({ on, seat: 1 })).node)
    watcher.see((await builder.mine({ seat: 0 })).node)
    await watcher.offer()
    expect({ submitted, reports }).toEqual({ submitted: [], reports: [] })
  })

  it('one of them sealed with another key than the seat has are never handed in', async () => {
    const [one] = await twice(0)
    const forged = { ...one.node, id: 'ff'.repeat(32), sealed: { ...one.node.sealed, seal: new Uint8Array(64) } }
    const header = { ...forged.sealed.header, nonce: forged.sealed.header.nonce + 1 }
    const watcher = watch()
    watcher.see(one.node)
    watcher.see({ ...forged, sealed: { ...forged.sealed, header } })
    await watcher.offer()
    expect(submitted).toEqual([])
  })
})

it('a branch that goes on is told from one that is new', () => {
  const memory = createBranchMemory()
  const node = (id: string, parentId: string) => ({ id, parentId })
  expect(memory.continues(node('a', 'x'))).toBe(false)
  expect(memory.continues(node('b', 'a'))).toBe(true)
  expect(memory.continues(node('b', 'a'))).toBe(true)
  expect(memory.continues(node('c', 'x'))).toBe(false)
  for (let i = 0; i < 100; i++) memory.continues(node(`n${i}`, `p${i}`))
  expect(memory.continues(node('d', 'c'))).toBe(false)
})
