import { beforeEach, describe, expect, test } from 'vitest'
import { ownerAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../../shared/identity/label.ts'
import { trustAt, trustScore } from '../../../shared/identity/trust.ts'
import type { RetireCode } from '../../../shared/ledger/retire.ts'
import type { RotateCode } from '../../../shared/ledger/rotate.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import { hashClaim } from '../../../shared/transaction/register.ts'
import {
  type RotateContent,
  retireMessage,
  rotateMessage,
  rotateNewKeyMessage,
  type Transaction,
} from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture } from './ledger-fixture.ts'

const ok = { ok: true }
const refusedWith = (code: RotateCode | RetireCode) => expect.objectContaining({ ok: false, code })
type By = 'wallet' | 'recovery'

let ledger: LedgerFixture
let sensor: TestDevice
beforeEach(async () => {
  ledger = new LedgerFixture()
  sensor = await ledger.admit('sensor')
})

async function rotate(
  change: Partial<RotateContent> = {},
  by: By = 'wallet',
  device = sensor,
  newKey = namedSigner('new'),
): Promise<Transaction> {
  const record = ledger.draft.device(device.deviceId)
  const content: RotateContent = {
    deviceId: device.deviceId,
    sequence: (record?.sequence ?? 0) + 1,
    walletKey: newKey.publicKey,
    recoveryKey: device.recovery.publicKey,
    addresses: [],
    ...change,
  }
  const authority = { TAG: by, data: await device[by].sign(rotateMessage(ledger.networkId, content)) }
  const newKeySignature = await newKey.sign(rotateNewKeyMessage(ledger.networkId, content))
  return { TAG: 'rotate', data: { rotate: content, authority, newKeySignature } }
}

async function retire(by: By = 'wallet', device = sensor, sequence = 1): Promise<Transaction> {
  const content = { deviceId: device.deviceId, sequence }
  const authority = { TAG: by, data: await device[by].sign(retireMessage(ledger.networkId, content)) }
  return { TAG: 'retire', data: { retire: content, authority } }
}

describe('rotate', () => {
  test('a new wallet key, the ID stays, and the new key signs from now on', async () => {
    expect(await ledger.applySigned(await rotate())).toEqual(ok)
    const record = ledger.draft.device(sensor.deviceId)!
    expect(record).toMatchObject({ walletKey: namedSigner('new').publicKey, sequence: 1, deviceId: sensor.deviceId })
    expect(record.walletId).toEqual(walletIdOf(sensor.wallet.publicKey))
    expect(await ledger.applySigned(await rotate())).toBe('bad signature')
    const now = { ...sensor, wallet: namedSigner('new') }
    expect(await ledger.applySigned(await rotate({}, 'wallet', now))).toEqual(ok)
  })

  test.each([0, 2, 7])('refuses sequence %i where 1 is next', async (sequence) => {
    expect(ledger.apply(await rotate({ sequence }))).toEqual(refusedWith('wrong-sequence'))
  })

  test('the same transaction is not good twice', async () => {
    const once = await rotate()
    expect(ledger.apply(once)).toEqual(ok)
    expect(ledger.apply(once)).toEqual(refusedWith('wrong-sequence'))
  })

  test('only the recovery key changes the recovery key, and it overrides the wallet key', async () => {
    const change = { recoveryKey: namedSigner('new recovery').publicKey }
    expect(ledger.apply(await rotate(change))).toEqual(refusedWith('recovery-key-needed'))
    expect(await ledger.applySigned(await rotate(change, 'recovery'))).toEqual(ok)
    expect(ledger.draft.device(sensor.deviceId)).toMatchObject(change)
    expect(await ledger.applySigned(await rotate(change, 'recovery'))).toBe('bad signature')
  })

  test('nobody rotates to a key they do not have, or with a key that is not theirs', async () => {
    const transaction = await rotate()
    if (transaction.TAG !== 'rotate') throw new Error('not a rotation')
    transaction.data.newKeySignature = await namedSigner('thief').sign(
      rotateNewKeyMessage(ledger.networkId, transaction.data.rotate),
    )
    expect(await ledger.applySigned(transaction)).toBe('bad signature')
    ledger = new LedgerFixture()
    sensor = await ledger.admit('sensor')
    expect(await ledger.applySigned(await rotate({}, 'wallet', { ...sensor, wallet: namedSigner('thief') }))).toBe(
      'bad signature',
    )
    // A wallet signature does not pass for one of the recovery key.
    ledger = new LedgerFixture()
    sensor = await ledger.admit('sensor')
    expect(await ledger.applySigned(await rotate({}, 'recovery', { ...sensor, recovery: sensor.wallet }))).toBe(
      'bad signature',
    )
  })

  test('addresses only where there is a role', async () => {
    const addresses = ['/ip4/192.168.1.9']
    expect(ledger.apply(await rotate({ addresses }))).toEqual(refusedWith('addresses-not-allowed'))
    const relay = await ledger.admit('relay', { label: LABEL.full })
    expect(await ledger.applySigned(await rotate({ addresses }, 'wallet', relay))).toEqual(ok)
    expect(ledger.draft.device(relay.deviceId)).toMatchObject({ addresses })
  })

  test('of a device that is there, and active', async () => {
    expect(ledger.apply(await rotate({}, 'wallet', ledger.device('nobody')))).toEqual(refusedWith('unknown-device'))
    ledger.apply(await retire())
    expect(ledger.apply(await rotate({ sequence: 2 }))).toEqual(refusedWith('retired'))
  })
})

describe('retire', () => {
  test.each(['wallet', 'recovery'] as const)(
    'by the %s key: the ID stays retired, the anchor is free but remembered',
    async (by) => {
      const { anchor } = ledger.draft.device(sensor.deviceId)!
      expect(await ledger.applySigned(await retire(by))).toEqual(ok)
      expect(ledger.draft.device(sensor.deviceId)).toMatchObject({ status: STATUS.retired, sequence: 1 })
      expect(ledger.draft.anchor(anchor)).toMatchObject({ live: false, registrations: 1 })
      expect(ledger.apply(await retire(by, sensor, 2))).toEqual(refusedWith('retired'))
    },
  )

  test('not by another key, not with another sequence, not what is not there', async () => {
    expect(ledger.apply(await retire('wallet', sensor, 2))).toEqual(refusedWith('wrong-sequence'))
    expect(ledger.apply(await retire('wallet', ledger.device('nobody')))).toEqual(refusedWith('unknown-device'))
    expect(await ledger.applySigned(await retire('wallet', { ...sensor, wallet: namedSigner('thief') }))).toBe(
      'bad signature',
    )
  })

  test('not while it holds a seat or coordinates', async () => {
    const wallet = ledger.chain.keeper(0)
    const anchor = ownerAnchor(wallet.publicKey)
    const claim = ledger.claim('keeper', anchor, { walletKey: wallet.publicKey, label: LABEL.full })
    const signature = await ledger.ownerSignature(KIND.register, hashClaim(claim))
    expect(ledger.apply(await ledger.sign(claim, { TAG: 'owners', data: [{ owner: 0, signature }] }, wallet))).toEqual(
      ok,
    )
    const seated = { ...sensor, wallet, deviceId: deviceIdOf(ledger.networkId, wallet.publicKey, anchor) }
    expect(ledger.apply(await retire('wallet', seated))).toEqual(refusedWith('holds-a-role'))

    const member = { deviceId: sensor.deviceId, sponsor: sensor.deviceId, sinceHeight: 1 }
    ledger.draft.coordinationSet = { number: 1, members: [member] }
    expect(ledger.apply(await retire())).toEqual(refusedWith('holds-a-role'))
    ledger.draft.coordinationSet = { number: 2, members: [] }
    expect(ledger.apply(await retire())).toEqual(ok)
  })
})

describe('quota', () => {
  const newcomerTrust = 125
  const quota = DEFAULT_POLICY.quotaBase + Math.floor((newcomerTrust * DEFAULT_POLICY.quotaPerHundredTrust) / 100)

  async function useUp(): Promise<void> {
    for (let i = 0; i < quota; i++)
      expect(ledger.apply(await rotate({ walletKey: sensor.wallet.publicKey }))).toEqual(ok)
  }

  test('so many in an epoch, and again in the next', async () => {
    await useUp()
    expect(ledger.apply(await rotate())).toEqual(refusedWith('quota-exceeded'))
    ledger.nextBlock(ledger.chain.parameters.epochSeconds * 1000)
    expect(ledger.draft.epoch.number).toBe(1)
    expect(ledger.apply(await rotate())).toEqual(ok)
    expect(ledger.draft.device(sensor.deviceId)?.quota).toEqual({ epoch: 1, used: 1 })
  })

  test('the recovery key works when a thief has used it up', async () => {
    await useUp()
    expect(await ledger.applySigned(await rotate({}, 'recovery'))).toEqual(ok)
  })

  test('grows with trust', async () => {
    const record = ledger.draft.device(sensor.deviceId)!
    const trusted = { ...record.trust, rE: 8 * 2 ** 20 }
    expect(trustScore(trustAt(trusted, 0))).toBe(562)
    ledger.draft.setDevice({ ...record, trust: trusted })
    await useUp()
    expect(ledger.apply(await rotate())).toEqual(ok)
  })
})
