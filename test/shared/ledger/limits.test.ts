/** Nothing that a device may do makes a record that cannot be written, or goes around its quota. */
import { beforeEach, describe, expect, test } from 'vitest'
import { certificateAnchor } from '../../../shared/identity/anchor.ts'
import { ASSURANCE, LABEL } from '../../../shared/identity/label.ts'
import { MAX_COUNT } from '../../../shared/identity/record.ts'
import { RECOVERY_RESERVE } from '../../../shared/ledger/own-transaction.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { rotateMessage, rotateNewKeyMessage, type Transaction } from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const ok = { ok: true }

let ledger: LedgerFixture
beforeEach(() => {
  ledger = new LedgerFixture()
})

test('a counter that is full stays full', async () => {
  const relay = await ledger.admit('relay', { label: LABEL.full | LABEL.coordination })
  const member = { deviceId: relay.deviceId, sponsor: named('sponsor'), sinceHeight: 0 }
  ledger.draft.coordinationSet = { number: 1, members: [member] }
  ledger.draft.policy = { ...ledger.draft.policy, trustRoots: [named('issuer')] }
  const anchor = certificateAnchor(named('key of the maker'))
  const last = { version: 1, anchor, deviceId: named('last'), live: false, faults: 0, changedHeight: 0 }
  ledger.draft.setAnchor({ ...last, registrations: MAX_COUNT })

  const data = { issuer: named('issuer'), evidence: named('evidence'), notAfter: ledger.time + 60_000 }
  const claim = ledger.claim('camera', anchor, { assurance: ASSURANCE.certified })
  const register = await ledger.sign(claim, { TAG: 'certificate', data }, namedSigner('camera'), [relay])
  expect(await ledger.applySigned(register)).toEqual(ok)
  expect(ledger.draft.anchor(anchor)).toMatchObject({ live: true, registrations: MAX_COUNT })
})

describe('the recovery key', () => {
  let sensor: TestDevice
  beforeEach(async () => {
    sensor = await ledger.admit('sensor')
  })

  async function rotate(by: 'wallet' | 'recovery'): Promise<Transaction> {
    const content = {
      deviceId: sensor.deviceId,
      sequence: (ledger.draft.device(sensor.deviceId)?.sequence ?? 0) + 1,
      walletKey: sensor.wallet.publicKey,
      recoveryKey: sensor.recovery.publicKey,
      addresses: [],
    }
    const authority = { TAG: by, data: await sensor[by].sign(rotateMessage(ledger.networkId, content)) }
    const newKeySignature = await sensor.wallet.sign(rotateNewKeyMessage(ledger.networkId, content))
    return { TAG: 'rotate', data: { rotate: content, authority, newKeySignature } }
  }

  test('has a reserve beyond the quota, and is no way around it', async () => {
    const used = DEFAULT_POLICY.quotaBase + Math.floor((125 * DEFAULT_POLICY.quotaPerHundredTrust) / 100)
    for (let i = 0; i < used; i++) expect(ledger.apply(await rotate('wallet'))).toEqual(ok)
    expect(ledger.apply(await rotate('wallet'))).toMatchObject({ code: 'quota-exceeded' })
    for (let i = 0; i < RECOVERY_RESERVE; i++) expect(ledger.apply(await rotate('recovery'))).toEqual(ok)
    expect(ledger.apply(await rotate('recovery'))).toMatchObject({ code: 'quota-exceeded' })
    ledger.nextBlock(ledger.chain.parameters.epochSeconds * 1_000)
    expect(ledger.apply(await rotate('wallet'))).toEqual(ok)
  })

  test('has it under any policy', async () => {
    ledger.draft.policy = { ...DEFAULT_POLICY, quotaBase: 0xffff, quotaPerHundredTrust: 0xffff }
    const record = ledger.draft.device(sensor.deviceId)
    if (record === undefined) throw new Error('no sensor')
    ledger.draft.setDevice({ ...record, quota: { epoch: 0, used: MAX_COUNT - RECOVERY_RESERVE } })
    expect(ledger.apply(await rotate('wallet'))).toMatchObject({ code: 'quota-exceeded' })
    expect(ledger.apply(await rotate('recovery'))).toEqual(ok)
  })
})
