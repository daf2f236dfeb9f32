/** The largest header items that the rules allow can be sent, and what is stored of them can be read again. */
import { expect, test } from 'vitest'
import { MAX_ROSTER_CHANGES_PER_BLOCK } from '../../../shared/block/block.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { headerItemCodec, headersCodec } from '../../../shared/protocol/messages.ts'
import { MAX_SEATS } from '../../../shared/roster/roster.ts'
import type { RosterChange } from '../../../shared/transaction/roster-change.ts'
import { HeaderLog } from '../../../web/client/header-log.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

/** As long as a change gets: a vote of every seat. */
const votes = Array.from({ length: MAX_SEATS }, (_, seat) => ({ seat, expires: 0, signature: new Uint8Array(64) }))
const change: RosterChange = {
  changeNumber: 1,
  action: {
    TAG: 'remove',
    data: { remove: { deviceId: ZERO_HASH, seat: 1 }, approval: { TAG: 'votes', data: votes } },
  },
}

function rosterChanges(count: number): RosterChange[] {
  return Array.from({ length: count }, () => change)
}

const { node: genesis } = new ChainBuilder().first

test('a header item with as many changes as a block may hold', () => {
  const item = { sealed: genesis.sealed, rosterChanges: rosterChanges(MAX_ROSTER_CHANGES_PER_BLOCK) }
  expect(headerItemCodec.decode(headerItemCodec.encode(item))).toMatchObject({ ok: true })
})

test('chunks of them are closed early enough to be read again, and so is the restart point', () => {
  // Many sizes, so that every bound is come close to.
  const nodes: ChainNode[] = Array.from({ length: 40 }, (_, i) => ({
    ...genesis,
    height: i + 1,
    id: `${i + 1}`,
    parentId: i === 0 ? genesis.id : `${i}`,
    rosterChanges: rosterChanges(i % (MAX_ROSTER_CHANGES_PER_BLOCK + 1)),
  }))
  const log = new HeaderLog({ node: genesis, start: new Uint8Array() }, (id) =>
    id === genesis.id ? genesis : nodes.find((node) => node.id === id),
  )
  for (const node of nodes) {
    const { put, restart } = log.apply([node], 0)
    for (const { items } of [...put, restart]) expect(headersCodec.decode(items)).toMatchObject({ ok: true })
  }
  expect(log.firsts.length).toBeGreaterThan(1)
  expect(log.count).toBe(nodes.length)
})
