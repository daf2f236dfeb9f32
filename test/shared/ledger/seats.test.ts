/** A seat and the device that holds it: the label, the right to vouch and the addresses go with the seat. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { voucherAnchor } from '../../../shared/identity/anchor.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { SEAT_ROTATIONS } from '../../../shared/ledger/roster-change.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import { hashChangeContent, memberMessage, type RosterAction } from '../../../shared/transaction/roster-change.ts'
import type { Transaction } from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const ok = { ok: true }
const SEAT = 1
const WALLET = `ledger keeper ${SEAT}`

let ledger: LedgerFixture
beforeEach(() => {
  ledger = new LedgerFixture(4)
})

function change(action: RosterAction): Transaction {
  return { TAG: 'rosterChange', data: { changeNumber: ledger.draft.roster.changeNumber + 1, action } }
}

const contentOf = (action: RosterAction) => hashChangeContent(ledger.draft.roster.changeNumber + 1, action)

async function leave(deviceId: Uint8Array): Promise<Transaction> {
  const data = { deviceId, seat: SEAT }
  const content = contentOf({ TAG: 'leave', data: { leave: data, signature: new Uint8Array(64) } })
  const signature = await ledger.chain.keeper(SEAT).sign(memberMessage(ledger.networkId, content))
  return change({ TAG: 'leave', data: { leave: data, signature } })
}

async function remove(deviceId: Uint8Array): Promise<Transaction> {
  const data = { deviceId, seat: SEAT }
  const action = (signature: Uint8Array): RosterAction => ({
    TAG: 'remove',
    data: { remove: data, approval: { TAG: 'owners', data: [{ owner: 0, signature }] } },
  })
  const content = contentOf(action(new Uint8Array(64)))
  return change(action(await ledger.ownerSignature(KIND.rosterChange, content)))
}

async function equivocation(deviceId: Uint8Array): Promise<Transaction> {
  const sealed = async (nonce: number) => {
    const header = { ...ledger.chain.first.block.header, height: 1, previousHash: named('parent'), seat: SEAT, nonce }
    return { header, seal: await ledger.chain.keeper(SEAT).sign(sealMessage(ledger.networkId, hashHeader(header))) }
  }
  return change({ TAG: 'equivocation', data: { deviceId, first: await sealed(0), second: await sealed(1) } })
}

describe('a keeper whose wallet has a second ID', () => {
  let keeper: TestDevice
  let second: TestDevice
  beforeEach(async () => {
    keeper = await ledger.admit(WALLET, { label: LABEL.full, addresses: ['/ip4/192.168.1.7'] })
    const voucher = await ledger.voucher(keeper)
    expect(await ledger.applySigned(await ledger.voucherRegister(WALLET, voucher))).toEqual(ok)
    second = ledger.device(WALLET, voucherAnchor(namedSigner('voucher').publicKey))
  })

  test.each([
    ['leaving', leave],
    ['equivocation', equivocation],
  ])('does not keep the right to vouch by %s in its name', async (_, make) => {
    expect(ledger.apply(await make(second.deviceId))).toMatchObject({ code: 'unknown-device' })
    expect(await ledger.applySigned(await make(keeper.deviceId))).toEqual(ok)
    expect(ledger.draft.device(keeper.deviceId)?.label).toBe(LABEL.lightweight)
    const voucher = await ledger.voucher(keeper, {}, 'another')
    expect(ledger.apply(await ledger.voucherRegister('phone', voucher, {}, [], 'another'))).toMatchObject({
      code: 'issuer-has-no-right',
    })
  })

  test('publishes no addresses any more when it is a lightweight device again', async () => {
    expect(await ledger.applySigned(await leave(keeper.deviceId))).toEqual(ok)
    expect(ledger.draft.device(keeper.deviceId)?.addresses).toEqual([])
  })
})

describe('a keeper of genesis that never registered', () => {
  const unknown = named('no device')

  test('can be removed by who approves it', async () => {
    expect(await ledger.applySigned(await remove(unknown))).toEqual(ok)
    expect(ledger.draft.roster.members.map(({ seat }) => seat)).toEqual([0, 2, 3])
    expect(ledger.draft.device(unknown)).toBeUndefined()
  })

  test('but nobody picks the ID without approval, and no other device is named', async () => {
    expect(ledger.apply(await leave(unknown))).toMatchObject({ code: 'unknown-device' })
    expect(ledger.apply(await equivocation(unknown))).toMatchObject({ code: 'unknown-device' })
    const other = await ledger.admit('other', { label: LABEL.full })
    expect(ledger.apply(await remove(other.deviceId))).toMatchObject({ code: 'unknown-device' })
  })
})

describe('rotations by the keys of a seat', () => {
  async function rotate(n: number, by: 'member' | 'recovery', signer: Signer): Promise<Transaction> {
    const sealingKey = namedSigner(`seal ${n}`).publicKey
    const rotation = { seat: SEAT, sealingKey, recoveryKey: ledger.chain.keeperRecovery(SEAT).publicKey }
    const action = (signature: Uint8Array): RosterAction => ({
      TAG: 'rotateKey',
      data: { rotate: rotation, authority: { TAG: by, data: signature } },
    })
    const content = contentOf(action(new Uint8Array(64)))
    return change(action(await signer.sign(memberMessage(ledger.networkId, content))))
  }

  async function rotateByOwners(n: number): Promise<Transaction> {
    const sealingKey = namedSigner(`seal ${n}`).publicKey
    const rotation = { seat: SEAT, sealingKey, recoveryKey: ledger.chain.keeperRecovery(SEAT).publicKey }
    const action = (signature: Uint8Array): RosterAction => ({
      TAG: 'rotateKey',
      data: { rotate: rotation, authority: { TAG: 'owners', data: [{ owner: 0, signature }] } },
    })
    const content = contentOf(action(new Uint8Array(64)))
    return change(action(await ledger.ownerSignature(KIND.rosterChange, content)))
  }

  test('are few in an epoch, so that no one key fills the log that all must read', async () => {
    let sealing = ledger.chain.keeper(SEAT)
    let n = 0
    for (; n < SEAT_ROTATIONS; n++) {
      expect(await ledger.applySigned(await rotate(n, 'member', sealing))).toEqual(ok)
      sealing = namedSigner(`seal ${n}`)
    }
    const before = ledger.draft.roster
    expect(ledger.apply(await rotate(n, 'member', sealing))).toMatchObject({ code: 'quota-exceeded' })
    expect(ledger.draft.roster).toBe(before)
    const recovery = ledger.chain.keeperRecovery(SEAT)
    for (; n < 2 * SEAT_ROTATIONS; n++)
      expect(await ledger.applySigned(await rotate(n, 'recovery', recovery))).toEqual(ok)
    expect(ledger.apply(await rotate(n, 'recovery', recovery))).toMatchObject({ code: 'quota-exceeded' })
    expect(await ledger.applySigned(await rotateByOwners(n))).toEqual(ok)
    ledger.nextBlock(ledger.chain.parameters.epochSeconds * 1_000)
    expect(await ledger.applySigned(await rotate(n + 1, 'member', namedSigner(`seal ${n}`)))).toEqual(ok)
  })
})
