/** A seat's own key must not stand in the way of those who take the seat from it. */
import { describe, expect, test } from 'vitest'
import { createMempool, type Mempool } from '../../../node-relay/full-node/mempool.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { RosterAction } from '../../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { policy, retire, rosterChange } from './mempool-samples.ts'

const SEAT = 3
const PER_GROUP = 4
type RotateAuthority = Extract<RosterAction, { TAG: 'rotateKey' }>['data']['authority']
const MEMBER: RotateAuthority = { TAG: 'member', data: new Uint8Array(64) }
const RECOVERY: RotateAuthority = { TAG: 'recovery', data: new Uint8Array(64) }
const OWNERS: RotateAuthority = { TAG: 'owners', data: [{ owner: 0, signature: new Uint8Array(64) }] }

function change(action: RosterAction): Uint8Array {
  return transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber: 1, action } })
}
const rotateKey = (n: number, authority: RotateAuthority = MEMBER): Uint8Array => {
  const rotate = { seat: SEAT, sealingKey: sha256(Uint8Array.of(n)), recoveryKey: ZERO_HASH }
  return change({ TAG: 'rotateKey', data: { rotate, authority } })
}
const leave = () =>
  change({ TAG: 'leave', data: { leave: { deviceId: ZERO_HASH, seat: SEAT }, signature: new Uint8Array(64) } })

function openMempool(): Mempool {
  return createMempool({
    networkId: ZERO_HASH,
    now: () => 0,
    verifier: { verify: () => true, verifyBatch: async (checks) => checks.map(() => true) },
    check: () => ({ ok: true, value: { signatures: [] } }),
    limits: { perGroup: PER_GROUP },
  })
}

const added = { ok: true, value: 'added' }

describe('changes that a seat signs alone', () => {
  test.each([
    ['member', MEMBER],
    ['recovery', RECOVERY],
  ])('by the %s key do not fill the room of governance', async (_, authority) => {
    const mempool = openMempool()
    for (let n = 0; n < PER_GROUP; n++) expect(await mempool.add(rotateKey(n, authority))).toEqual(added)
    expect(await mempool.add(rotateKey(PER_GROUP, authority))).toMatchObject({ code: 'group-full' })
    expect(await mempool.add(rosterChange(1, SEAT))).toEqual(added)
    expect(await mempool.add(policy(1))).toEqual(added)
    expect(await mempool.add(rotateKey(0, OWNERS))).toMatchObject({ code: 'conflict' })
    expect(await mempool.add(rotateKey(PER_GROUP, OWNERS))).toEqual(added)
  })

  test('the member key does not fill the room of the recovery key, and comes after it', async () => {
    const mempool = openMempool()
    for (let n = 0; n < PER_GROUP; n++) expect(await mempool.add(rotateKey(n))).toEqual(added)
    expect(await mempool.add(leave())).toMatchObject({ code: 'group-full' })
    const byRecovery = rotateKey(PER_GROUP, RECOVERY)
    expect(await mempool.add(byRecovery)).toEqual(added)
    expect(mempool.candidates()[0]).toEqual(byRecovery)
  })

  test('come after what owners and votes stand behind, whenever they arrived', async () => {
    const mempool = openMempool()
    const order = [rotateKey(0), leave(), retire(1), policy(1), rosterChange(1, SEAT)]
    for (const bytes of order) expect(await mempool.add(bytes)).toEqual(added)
    const [first, second, third, fourth, fifth] = order
    expect(mempool.candidates()).toEqual([fifth, fourth, first, second, third])
  })
})
