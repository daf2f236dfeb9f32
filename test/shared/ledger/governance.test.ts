import { beforeEach, describe, expect, test } from 'vitest'
import type { Verdict } from '../../../shared/errors.ts'
import { type Header, hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { walletIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../../shared/identity/label.ts'
import type { CoordinationChangeCode } from '../../../shared/ledger/coordination-change.ts'
import type { PolicyCode } from '../../../shared/ledger/policy.ts'
import { MAX_COORDINATION_NODES } from '../../../shared/ledger/records.ts'
import { DEFAULT_POLICY, type Policy } from '../../../shared/policy/policy.ts'
import { EQUIVOCATION_WINDOW, type RosterChangeCode } from '../../../shared/proof/roster-change.ts'
import { MAX_SEATS, type Roster, rosterRoot } from '../../../shared/roster/roster.ts'
import { type Approval, voteMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  hashChangeContent,
  hashMotion,
  memberMessage,
  type RosterAction,
} from '../../../shared/transaction/roster-change.ts'
import {
  type CoordinationContent,
  hashCoordinationContent,
  hashPolicy,
  type Transaction,
} from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const ok = { ok: true }
const refusedWith = (code: CoordinationChangeCode | PolicyCode | RosterChangeCode) =>
  expect.objectContaining({ ok: false, code })
const EMPTY_VOTES: Approval = { TAG: 'votes', data: [] }

let ledger: LedgerFixture
/** Keeper devices, by seat. */
let keepers: TestDevice[]
beforeEach(async () => {
  ledger = new LedgerFixture(4)
  keepers = []
  for (let seat = 0; seat < 4; seat++) {
    const wallet = ledger.chain.keeper(seat)
    const device = { ...(await ledger.admit(`ledger keeper ${seat}`, { label: LABEL.full })), wallet }
    keepers.push(device)
  }
})

async function votes(kind: number, motion: Uint8Array, seats: readonly number[], expires = 10): Promise<Approval> {
  const data = []
  for (const seat of seats)
    data.push({
      seat,
      expires,
      signature: await ledger.chain.keeper(seat).sign(voteMessage(ledger.networkId, kind, motion, expires)),
    })
  return { TAG: 'votes', data }
}

async function owners(kind: number, content: Uint8Array): Promise<Approval & { TAG: 'owners' }> {
  return { TAG: 'owners', data: [{ owner: 0, signature: await ledger.ownerSignature(kind, content) }] }
}

const nextNumber = () => ledger.draft.roster.changeNumber + 1
const rosterChange = (action: RosterAction, changeNumber = nextNumber()): Transaction => ({
  TAG: 'rosterChange',
  data: { changeNumber, action },
})

describe('a keeper is admitted', () => {
  let relay: TestDevice
  beforeEach(async () => {
    relay = await ledger.admit('relay')
  })
  const admitOf = (change: Partial<Extract<RosterAction, { TAG: 'admit' }>['data']['admit']> = {}) => ({
    deviceId: relay.deviceId,
    walletId: walletIdOf(relay.wallet.publicKey),
    sealingKey: namedSigner('relay seal').publicKey,
    recoveryKey: relay.recovery.publicKey,
    seat: 4,
    ...change,
  })
  async function byVotes(seats: readonly number[], change = {}, expires?: number): Promise<Transaction> {
    const admit = admitOf(change)
    const motion = hashMotion({ TAG: 'admit', data: { admit, approval: EMPTY_VOTES } })
    return rosterChange({
      TAG: 'admit',
      data: { admit, approval: await votes(KIND.rosterChange, motion, seats, expires) },
    })
  }
  async function byOwners(change = {}, changeNumber = nextNumber()): Promise<Transaction> {
    const admit = admitOf(change)
    const content = hashChangeContent(changeNumber, { TAG: 'admit', data: { admit, approval: EMPTY_VOTES } })
    return rosterChange(
      { TAG: 'admit', data: { admit, approval: await owners(KIND.rosterChange, content) } },
      changeNumber,
    )
  }

  test.each(['votes', 'owners'])('by %s: it has its seat and its label', async (by) => {
    const before = ledger.draft.roster
    expect(await ledger.applySigned(by === 'votes' ? await byVotes([0, 1, 3]) : await byOwners())).toEqual(ok)
    expect(ledger.draft.roster).toMatchObject({ changeNumber: 1, nextSeat: 5, previousRoot: rosterRoot(before) })
    expect(ledger.draft.roster.members).toHaveLength(5)
    expect(ledger.draft.device(relay.deviceId)?.label).toBe(LABEL.full)
    expect(ledger.draft.rosterChanges).toHaveLength(1)
  })

  test.each<[RosterChangeCode, () => Promise<Transaction>]>([
    ['not-enough-votes', () => byVotes([0, 1])],
    ['not-a-member', () => byVotes([0, 1, 4])],
    ['vote-expired', () => byVotes([0, 1, 2], {}, 0)],
    ['wrong-seat', () => byVotes([0, 1, 2], { seat: 3 })],
    ['wrong-seat', () => byOwners({ seat: 5 })],
    ['wrong-change-number', () => byOwners({}, 2)],
    ['wrong-change-number', () => byOwners({}, 0)],
    ['already-a-member', () => byOwners({ walletId: walletIdOf(keepers[0]!.wallet.publicKey) })],
    ['key-in-use', () => byOwners({ sealingKey: ledger.chain.keeper(2).publicKey })],
    ['unknown-device' as RosterChangeCode, () => byOwners({ deviceId: named('nobody') })],
    ['unknown-device' as RosterChangeCode, () => byOwners({ walletId: named('another wallet') })],
  ])('refused with %s', async (code, make) => {
    expect(ledger.apply(await make())).toEqual(refusedWith(code))
    expect(ledger.draft.roster.changeNumber).toBe(0)
  })

  test('not when retired', async () => {
    ledger.draft.setDevice({ ...ledger.draft.device(relay.deviceId)!, status: STATUS.retired })
    expect(ledger.apply(await byOwners())).toEqual(refusedWith('unknown-device'))
  })

  test('not when all seats are taken', async () => {
    const { roster } = ledger.draft
    const members = Array.from({ length: MAX_SEATS }, (_, seat) => ({
      ...roster.members[0]!,
      seat,
      walletId: named(`wallet ${seat}`),
      sealingKey: named(`seal ${seat}`),
    }))
    ledger.draft.roster = { ...roster, members, nextSeat: MAX_SEATS }
    expect(ledger.apply(await byOwners({ seat: MAX_SEATS }))).toEqual(refusedWith('roster-full'))
  })

  test('a vote for something else, or by another key, does not hold', async () => {
    const transaction = await byVotes([0, 1, 2])
    const other = await byVotes([0, 1, 2], { recoveryKey: named('thief') })
    if (transaction.TAG !== 'rosterChange' || other.TAG !== 'rosterChange') throw new Error('not a roster change')
    if (transaction.data.action.TAG !== 'admit' || other.data.action.TAG !== 'admit')
      throw new Error('not an admission')
    transaction.data.action.data.approval = other.data.action.data.approval
    expect(await ledger.applySigned(transaction)).toBe('bad signature')
  })
})

describe('a keeper goes', () => {
  const gone = (seat: number) => ({ deviceId: keepers[seat]!.deviceId, seat })

  async function remove(
    seat: number,
    seats: readonly number[],
    change: Partial<{ deviceId: Uint8Array }> = {},
  ): Promise<Transaction> {
    const data = { ...gone(seat % 4), seat, ...change }
    const motion = hashMotion({ TAG: 'remove', data: { remove: data, approval: EMPTY_VOTES } })
    return rosterChange({
      TAG: 'remove',
      data: { remove: data, approval: await votes(KIND.rosterChange, motion, seats) },
    })
  }
  async function leave(seat: number, signer = ledger.chain.keeper(seat)): Promise<Transaction> {
    const data = gone(seat)
    const content = hashChangeContent(nextNumber(), {
      TAG: 'leave',
      data: { leave: data, signature: new Uint8Array(64) },
    })
    const signature = await signer.sign(memberMessage(ledger.networkId, content))
    return rosterChange({ TAG: 'leave', data: { leave: data, signature } })
  }

  test('voted out by two thirds, and its label with it', async () => {
    expect(await ledger.applySigned(await remove(2, [0, 1, 3]))).toEqual(ok)
    expect(ledger.draft.roster.members.map(({ seat }) => seat)).toEqual([0, 1, 3])
    expect(ledger.draft.device(keepers[2]!.deviceId)?.label).toBe(LABEL.lightweight)
    expect(ledger.apply(await remove(2, [0, 1]))).toEqual(refusedWith('not-a-member'))
  })

  test('refused: too few votes, no such seat, the seat of another device', async () => {
    expect(ledger.apply(await remove(2, [0, 1]))).toEqual(refusedWith('not-enough-votes'))
    expect(ledger.apply(await remove(9, [0, 1, 3]))).toEqual(refusedWith('not-a-member'))
    expect(ledger.apply(await remove(2, [0, 1, 3], { deviceId: keepers[1]!.deviceId }))).toEqual(
      refusedWith('unknown-device' as RosterChangeCode),
    )
  })

  test('leaves by its own key only; the last one stays', async () => {
    expect(await ledger.applySigned(await leave(1, ledger.chain.keeper(0)))).toBe('bad signature')
    ledger = new LedgerFixture(2)
    keepers = []
    for (let seat = 0; seat < 2; seat++)
      keepers.push(await ledger.admit(`ledger keeper ${seat}`, { label: LABEL.full }))
    expect(await ledger.applySigned(await leave(1))).toEqual(ok)
    expect(ledger.apply(await leave(0))).toEqual(refusedWith('last-seat'))
  })

  describe('by equivocation', () => {
    const header = (change: Partial<Header> = {}): Header => ({
      ...ledger.chain.first.block.header,
      height: 1,
      previousHash: named('parent'),
      seat: 3,
      ...change,
    })
    async function sealed(of: Header, seat = 3) {
      return { header: of, seal: await ledger.chain.keeper(seat).sign(sealMessage(ledger.networkId, hashHeader(of))) }
    }
    async function evidence(first: Header, second: Header, sealer = 3): Promise<Transaction> {
      return rosterChange({
        TAG: 'equivocation',
        data: {
          deviceId: keepers[3]!.deviceId,
          first: await sealed(first, sealer),
          second: await sealed(second, sealer),
        },
      })
    }

    test('two sealed headers on one parent cost the seat', async () => {
      expect(await ledger.applySigned(await evidence(header(), header({ nonce: 1 })))).toEqual(ok)
      expect(ledger.draft.roster.members.map(({ seat }) => seat)).toEqual([0, 1, 2])
    })

    test.each<[string, () => [Header, Header]]>([
      ['one header twice', () => [header(), header()]],
      ['two parents', () => [header(), header({ previousHash: named('other') })]],
      ['two seats', () => [header(), header({ nonce: 1, seat: 2 })]],
    ])('%s is none', async (_, make) => {
      expect(ledger.apply(await evidence(...make()))).toEqual(refusedWith('not-equivocation'))
    })

    test('the seals must be its own', async () => {
      expect(await ledger.applySigned(await evidence(header(), header({ nonce: 1 }), 2))).toBe('bad signature')
    })

    test('old headers are no evidence any more', async () => {
      const at = (height: number) =>
        Object.assign(ledger, { draft: Object.assign(ledger.draft, { block: { ...ledger.draft.block, height } }) })
      at(1 + EQUIVOCATION_WINDOW + 1)
      expect(ledger.apply(await evidence(header(), header({ nonce: 1 })))).toEqual(refusedWith('evidence-too-old'))
      at(1 + EQUIVOCATION_WINDOW)
      expect(ledger.apply(await evidence(header(), header({ nonce: 1 })))).toEqual(ok)
    })

    test('the last seat is never removed by it', async () => {
      const { roster } = ledger.draft
      ledger.draft.roster = { ...roster, members: roster.members.slice(3) } as Roster
      expect(ledger.apply(await evidence(header(), header({ nonce: 1 })))).toEqual(refusedWith('last-seat'))
    })
  })
})

describe('a sealing key is rotated', () => {
  const rotated = (change = {}) => ({
    seat: 1,
    sealingKey: namedSigner('new seal').publicKey,
    recoveryKey: ledger.chain.keeperRecovery(1).publicKey,
    ...change,
  })
  async function rotate(by: 'member' | 'recovery' | 'owners', change = {}): Promise<Transaction> {
    const data = rotated(change)
    const authority = (signature: Uint8Array) => ({ TAG: 'member' as const, data: signature })
    const content = hashChangeContent(nextNumber(), {
      TAG: 'rotateKey',
      data: { rotate: data, authority: authority(new Uint8Array(64)) },
    })
    if (by === 'owners') {
      const approval = await owners(KIND.rosterChange, content)
      return rosterChange({ TAG: 'rotateKey', data: { rotate: data, authority: approval } })
    }
    const signer = by === 'member' ? ledger.chain.keeper(1) : ledger.chain.keeperRecovery(1)
    const signature = await signer.sign(memberMessage(ledger.networkId, content))
    return rosterChange({ TAG: 'rotateKey', data: { rotate: data, authority: { TAG: by, data: signature } } })
  }

  test.each(['member', 'recovery', 'owners'] as const)('by %s', async (by) => {
    expect(await ledger.applySigned(await rotate(by))).toEqual(ok)
    expect(ledger.draft.roster.members[1]).toMatchObject(rotated())
  })

  test('the recovery key is not for the sealing key to change', async () => {
    const recoveryKey = named('thief')
    expect(ledger.apply(await rotate('member', { recoveryKey }))).toEqual(refusedWith('not-a-member'))
    expect(await ledger.applySigned(await rotate('recovery', { recoveryKey }))).toEqual(ok)
  })

  test('refused: a key that a seat has, a seat that nobody has, another signer', async () => {
    expect(ledger.apply(await rotate('owners', { sealingKey: ledger.chain.keeper(0).publicKey }))).toEqual(
      refusedWith('key-in-use'),
    )
    expect(ledger.apply(await rotate('owners', { seat: 8 }))).toEqual(refusedWith('not-a-member'))
    expect(
      await ledger.applySigned(
        await rotate('member', { seat: 2, recoveryKey: ledger.chain.keeperRecovery(2).publicKey }),
      ),
    ).toBe('bad signature')
  })
})

test('the owners replace themselves, and only they', async () => {
  const replaced = { threshold: 1, keys: [namedSigner('heir').publicKey] }
  const action = (signatures: { owner: number; signature: Uint8Array }[]): RosterAction => ({
    TAG: 'owners',
    data: { owners: replaced, signatures },
  })
  const content = hashChangeContent(1, action([]))
  expect(ledger.apply(rosterChange(action([])))).toEqual(refusedWith('not-enough-owners'))
  const { data } = await owners(KIND.rosterChange, content)
  expect(ledger.apply(rosterChange(action([{ ...data[0]!, owner: 3 }])))).toEqual(refusedWith('unknown-owner'))
  expect(await ledger.applySigned(rosterChange(action(data)))).toEqual(ok)
  expect(ledger.draft.roster.owners).toEqual(replaced)
})

describe('the coordination set', () => {
  let camera: TestDevice
  beforeEach(async () => {
    camera = await ledger.admit('camera')
  })
  async function change(
    content: Partial<CoordinationContent> = {},
    by: 'owners' | readonly number[] = 'owners',
    expires?: number,
  ): Promise<Verdict | 'bad signature'> {
    const whole = {
      setNumber: ledger.draft.coordinationSet.number + 1,
      action: 'add' as const,
      deviceId: camera.deviceId,
      ...content,
    }
    const hash = hashCoordinationContent(whole)
    const approval =
      by === 'owners'
        ? await owners(KIND.coordinationChange, hash)
        : await votes(KIND.coordinationChange, hash, by, expires)
    return ledger.applySigned({ TAG: 'coordinationChange', data: { change: whole, approval } })
  }

  test('a device comes in by owners or votes, and goes', async () => {
    expect(await change({}, [0, 1, 2])).toEqual(ok)
    expect(ledger.draft.coordinationSet).toMatchObject({ number: 1, members: [{ deviceId: camera.deviceId }] })
    expect(ledger.draft.device(camera.deviceId)?.label).toBe(LABEL.coordination)
    expect(await change()).toEqual(refusedWith('already-a-member'))
    expect(await change({ action: 'remove' })).toEqual(ok)
    expect(ledger.draft.device(camera.deviceId)?.label).toBe(LABEL.lightweight)
    expect(await change({ action: 'remove' })).toEqual(refusedWith('unknown-device'))
  })

  test('a full node that coordinates keeps its other role', async () => {
    expect(await change({ deviceId: keepers[0]!.deviceId })).toEqual(ok)
    expect(ledger.draft.device(keepers[0]!.deviceId)?.label).toBe(LABEL.full | LABEL.coordination)
    expect(await change({ deviceId: keepers[0]!.deviceId, action: 'remove' })).toEqual(ok)
    expect(ledger.draft.device(keepers[0]!.deviceId)?.label).toBe(LABEL.full)
  })

  test('refused', async () => {
    expect(await change({ setNumber: 2 })).toEqual(refusedWith('wrong-change-number'))
    expect(await change({ deviceId: named('nobody') })).toEqual(refusedWith('unknown-device'))
    expect(await change({}, [0, 1])).toEqual(refusedWith('not-enough-votes'))
    expect(await change({}, [0, 1, 2], 0)).toEqual(refusedWith('vote-expired'))
    ledger.draft.setDevice({ ...ledger.draft.device(camera.deviceId)!, status: STATUS.retired })
    expect(await change()).toEqual(refusedWith('unknown-device'))
  })

  test('has so many places', async () => {
    const members = Array.from({ length: MAX_COORDINATION_NODES }, (_, i) => {
      const deviceId = new Uint8Array(32)
      deviceId[0] = i
      return { deviceId, sponsor: deviceId, sinceHeight: 1 }
    })
    ledger.draft.coordinationSet = { number: 0, members }
    expect(await change()).toEqual(refusedWith('coordination-set-full'))
    ledger.draft.coordinationSet = { number: 0, members: members.slice(1) }
    expect(await change()).toEqual(ok)
  })
})

describe('the policy', () => {
  async function policy(
    change: Partial<Policy> = {},
    signatures?: { owner: number; signature: Uint8Array }[],
  ): Promise<Verdict | 'bad signature'> {
    const next = { ...DEFAULT_POLICY, number: 1, ...change }
    const signed = signatures ?? (await owners(KIND.policy, hashPolicy(next))).data
    return ledger.applySigned({ TAG: 'policy', data: { policy: next, signatures: signed } })
  }

  test('is changed by the owners', async () => {
    expect(await policy({ quotaBase: 3 })).toEqual(ok)
    expect(ledger.draft.policy).toMatchObject({ number: 1, quotaBase: 3 })
    expect(await policy()).toEqual(refusedWith('wrong-change-number'))
  })

  test('refused', async () => {
    expect(await policy({ number: 0 })).toEqual(refusedWith('wrong-change-number'))
    expect(await policy({ number: 2 })).toEqual(refusedWith('wrong-change-number'))
    expect(await policy({ maxBlockTransactions: 0 })).toEqual(refusedWith('policy-out-of-range'))
    expect(await policy({ rules: { version: 2, fromHeight: 1 } })).toEqual(refusedWith('rules-out-of-range'))
    expect(await policy({ rules: { version: 0, fromHeight: 9 } })).toEqual(refusedWith('rules-out-of-range'))
    expect(await policy({ rules: { version: 1, fromHeight: 9 } })).toEqual(refusedWith('rules-out-of-range'))
    expect(await policy({}, [])).toEqual(refusedWith('not-enough-owners'))
    expect(await policy({}, [{ owner: 7, signature: new Uint8Array(64) }])).toEqual(refusedWith('unknown-owner'))
    expect(await policy({}, [{ owner: 0, signature: new Uint8Array(64) }])).toBe('bad signature')
  })
})

test('an owner signature for one kind does not pass for another', async () => {
  const next = { ...DEFAULT_POLICY, number: 1 }
  const { data } = await owners(KIND.register, hashPolicy(next))
  expect(await ledger.applySigned({ TAG: 'policy', data: { policy: next, signatures: data } })).toBe('bad signature')
})
