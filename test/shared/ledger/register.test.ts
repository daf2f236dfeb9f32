import { beforeEach, describe, expect, test } from 'vitest'
import { certificateAnchor, ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL, STATUS } from '../../../shared/identity/label.ts'
import type { RegisterCode } from '../../../shared/ledger/register.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  approvalMessage,
  type Claim,
  type Evidence,
  hashClaim,
  type Voucher,
} from '../../../shared/transaction/register.ts'
import type { Transaction, TransactionOf } from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const RELAY_LABEL = LABEL.full | LABEL.coordination
const ok = { ok: true }
const refusedWith = (code: RegisterCode) => expect.objectContaining({ ok: false, code })
const dataOf = (transaction: Transaction) => transaction.data as TransactionOf<'register'>

let ledger: LedgerFixture
let relay: TestDevice
beforeEach(async () => {
  ledger = new LedgerFixture()
  relay = await ledger.admit('relay', { label: RELAY_LABEL, addresses: ['/ip4/192.168.1.2'] })
})

/** Puts devices into the coordination set, each with its sponsor. */
function coordinate(...members: { device: TestDevice; sponsor: string }[]): void {
  const sorted = members
    .map(({ device, sponsor }) => ({ deviceId: device.deviceId, sponsor: named(sponsor), sinceHeight: 1 }))
    .sort((a, b) => Buffer.compare(a.deviceId, b.deviceId))
  ledger.draft.coordinationSet = { number: 1, members: sorted }
}

describe('by voucher', () => {
  test('a phone comes in, with its record and its anchor', async () => {
    const voucher = await ledger.voucher(relay)
    expect(await ledger.applySigned(await ledger.voucherRegister('phone', voucher))).toEqual(ok)
    const anchor = voucherAnchor(voucher.voucherKey)
    const key = namedSigner('phone').publicKey
    const deviceId = deviceIdOf(ledger.networkId, key, anchor)
    expect(ledger.draft.device(deviceId)).toMatchObject({
      deviceId,
      walletKey: key,
      walletId: walletIdOf(key),
      anchor,
      label: LABEL.lightweight,
      assurance: ASSURANCE.vouched,
      status: STATUS.active,
      sequence: 0,
      sponsor: relay.deviceId,
      registeredHeight: 1,
    })
    expect(ledger.draft.anchor(anchor)).toMatchObject({ deviceId, live: true, registrations: 1, faults: 0 })
  })

  test('a voucher is good once for ever, for whoever comes first', async () => {
    const voucher = await ledger.voucher(relay)
    expect(ledger.apply(await ledger.voucherRegister('phone', voucher))).toEqual(ok)
    for (const name of ['phone', 'other'])
      expect(ledger.apply(await ledger.voucherRegister(name, voucher))).toEqual(refusedWith('voucher-used'))
  })

  test.each<[RegisterCode, Partial<Voucher>, Partial<Claim>]>([
    ['wrong-anchor', {}, { anchor: named('another') }],
    ['voucher-for-another-label', { label: LABEL.full }, {}],
    ['label-not-open', { label: LABEL.full }, { label: LABEL.full }],
    ['addresses-not-allowed', {}, { addresses: ['/ip4/10.0.0.1'] }],
    ['wrong-assurance', {}, { assurance: ASSURANCE.certified }],
    ['unknown-issuer', { issuer: named('nobody') }, {}],
  ])('refused with %s', async (code, voucherChange, claimChange) => {
    const voucher = await ledger.voucher(relay, voucherChange)
    expect(ledger.apply(await ledger.voucherRegister('phone', voucher, claimChange))).toEqual(refusedWith(code))
  })

  test('it expires after its last millisecond, and may not run for longer than the policy allows', async () => {
    const longest = DEFAULT_POLICY.maxVoucherSeconds * 1000
    const at = async (notAfter: number) =>
      ledger.apply(await ledger.voucherRegister('phone', await ledger.voucher(relay, { notAfter })))
    expect(await at(ledger.time - 1)).toEqual(refusedWith('voucher-expired'))
    expect(await at(ledger.time + longest + 1)).toEqual(refusedWith('voucher-too-long'))
    expect(await at(ledger.time)).toEqual(ok)
    ledger.nextBlock()
    const notAfter = ledger.time + longest
    const voucher = await ledger.voucher(relay, { notAfter }, 'second')
    expect(ledger.apply(await ledger.voucherRegister('tablet', voucher, {}, [], 'second'))).toEqual(ok)
  })

  test('only active full and coordination nodes vouch', async () => {
    const phone = await ledger.admit('light')
    const byPhone = await ledger.voucherRegister('x', await ledger.voucher(phone))
    expect(ledger.apply(byPhone)).toEqual(refusedWith('issuer-has-no-right'))
    const record = ledger.draft.device(relay.deviceId)!
    ledger.draft.setDevice({ ...record, status: STATUS.retired })
    expect(ledger.apply(await ledger.voucherRegister('x', await ledger.voucher(relay)))).toEqual(
      refusedWith('unknown-issuer'),
    )
  })

  test.each<[string, (register: TransactionOf<'register'>) => void]>([
    ['the wallet', (register) => register.walletSignature.fill(1)],
    ['the voucher key', ({ evidence }) => evidence.TAG === 'voucher' && evidence.data.claimSignature.fill(1)],
    ['who vouched', ({ evidence }) => evidence.TAG === 'voucher' && evidence.data.voucher.signature.fill(1)],
    [
      'the voucher, for longer',
      ({ evidence }) =>
        evidence.TAG === 'voucher' && Object.assign(evidence.data.voucher, { notAfter: ledger.time + 1 }),
    ],
    ['the recovery key', ({ claim }) => claim.recoveryKey.set(named('thief'))],
  ])('does not stand when %s did not sign it so', async (_, spoil) => {
    const transaction = await ledger.voucherRegister('phone', await ledger.voucher(relay))
    spoil(dataOf(transaction))
    expect(await ledger.applySigned(transaction)).toBe('bad signature')
  })

  test('does not stand on another network', async () => {
    const elsewhere = new LedgerFixture(2)
    const relayThere = await elsewhere.admit('relay', { label: RELAY_LABEL })
    expect(relayThere.deviceId).not.toEqual(relay.deviceId)
    const transaction = await elsewhere.voucherRegister(
      'phone',
      await elsewhere.voucher({ ...relayThere, deviceId: relay.deviceId }),
    )
    expect(await ledger.applySigned(transaction)).toBe('bad signature')
  })
})

describe('by the owners', () => {
  test('with any label, and addresses where there is a role', async () => {
    expect(ledger.draft.device(relay.deviceId)).toMatchObject({ label: RELAY_LABEL, addresses: ['/ip4/192.168.1.2'] })
    expect(await ledger.applySigned(await ledger.ownerRegister('sensor'))).toEqual(ok)
  })

  test.each<[RegisterCode, Partial<Claim>]>([
    ['anchor-live', { walletKey: undefined as never }],
    ['wrong-anchor', { anchor: named('another') }],
    ['wrong-assurance', { assurance: ASSURANCE.certified }],
    ['addresses-not-allowed', { addresses: ['/ip4/10.0.0.1'] }],
  ])('refused with %s', async (code, change) => {
    const again = code === 'anchor-live'
    const transaction = await ledger.ownerRegister(again ? 'relay' : 'sensor', again ? {} : change)
    expect(ledger.apply(transaction)).toEqual(refusedWith(code))
  })

  test('a retired ID does not come back with the same key', async () => {
    const anchor = ledger.draft.anchor(ownerAnchor(relay.wallet.publicKey))!
    ledger.draft.setAnchor({ ...anchor, live: false })
    expect(ledger.apply(await ledger.ownerRegister('relay'))).toEqual(refusedWith('already-registered'))
  })

  test('not enough of them, or one that does not exist', async () => {
    const transaction = await ledger.ownerRegister('sensor')
    const { evidence } = dataOf(transaction)
    if (evidence.TAG !== 'owners') throw new Error('not by owners')
    const [first] = evidence.data
    evidence.data = [{ ...first!, owner: 1 }]
    expect(ledger.apply(transaction)).toEqual(refusedWith('unknown-owner'))
    evidence.data = []
    expect(ledger.apply(transaction)).toEqual(refusedWith('not-enough-owners'))
  })
})

describe('by an approval', () => {
  async function approved(
    change: Partial<{ notAfter: number; issuer: TestDevice }> = {},
    claimChange: Partial<Claim> = {},
  ) {
    const wallet = namedSigner('paired')
    const claim = ledger.claim('paired', ownerAnchor(wallet.publicKey), claimChange)
    const issuer = change.issuer ?? relay
    const approval = { evidence: named('evidence'), notAfter: change.notAfter ?? ledger.time }
    const signature = await issuer.wallet.sign(approvalMessage(ledger.networkId, claim, approval))
    return ledger.sign(claim, { TAG: 'approval', data: { issuer: issuer.deviceId, ...approval, signature } }, wallet)
  }

  test('an operator lets in who it paired with', async () => {
    expect(await ledger.applySigned(await approved())).toEqual(ok)
    expect(ledger.draft.device(ledger.device('paired').deviceId)).toMatchObject({
      sponsor: relay.deviceId,
      evidence: named('evidence'),
    })
  })

  test.each<[RegisterCode, () => Promise<Transaction>]>([
    ['evidence-expired', () => approved({ notAfter: ledger.time - 1 })],
    ['wrong-anchor', () => approved({}, { anchor: named('another') })],
    ['unknown-issuer', () => approved({ issuer: ledger.device('nobody') })],
    ['issuer-has-no-right', async () => approved({ issuer: await ledger.admit('light') })],
  ])('refused with %s', async (code, make) => {
    expect(ledger.apply(await make())).toEqual(refusedWith(code))
  })
})

describe('by a certificate', () => {
  const spki = named('certified key')
  const certified = (
    change: Partial<Extract<Evidence, { TAG: 'certificate' }>['data']> = {},
    endorsers: TestDevice[] = [],
  ) => {
    const evidence: Evidence = {
      TAG: 'certificate',
      data: { issuer: named('ca'), evidence: named('chain'), notAfter: ledger.time + 1, ...change },
    }
    const claim = ledger.claim('camera', certificateAnchor(spki), { assurance: ASSURANCE.certified })
    return ledger.sign(claim, evidence, namedSigner('camera'), endorsers)
  }

  test('stands on a trusted root and on its endorsers', async () => {
    expect(ledger.apply(await certified())).toEqual(refusedWith('untrusted-root'))
    ledger.draft.policy = { ...ledger.draft.policy, trustRoots: [named('ca')] }
    expect(ledger.apply(await certified())).toEqual(refusedWith('not-enough-endorsements'))
    coordinate({ device: relay, sponsor: 'owners' })
    expect(ledger.apply(await certified())).toEqual(refusedWith('not-enough-endorsements'))
    expect(ledger.apply(await certified({ notAfter: ledger.time - 1 }, [relay]))).toEqual(
      refusedWith('evidence-expired'),
    )
    expect(await ledger.applySigned(await certified({}, [relay]))).toEqual(ok)
    const { deviceId } = ledger.device('camera', certificateAnchor(spki))
    expect(ledger.draft.device(deviceId)).toMatchObject({
      assurance: ASSURANCE.certified,
      issuer: named('ca'),
      evidenceExpires: ledger.time + 1,
    })
    expect(ledger.apply(await certified({}, [relay]))).toEqual(refusedWith('anchor-live'))
  })
})

describe('endorsements', () => {
  let second: TestDevice
  let third: TestDevice
  beforeEach(async () => {
    second = await ledger.admit('second', { label: LABEL.coordination })
    third = await ledger.admit('third', { label: LABEL.coordination })
    coordinate({ device: relay, sponsor: 'a' }, { device: second, sponsor: 'a' }, { device: third, sponsor: 'b' })
  })

  test('two are wanted, of different sponsors', async () => {
    const by = async (...endorsers: TestDevice[]) => ledger.apply(await ledger.ownerRegister('sensor', {}, endorsers))
    expect(await by()).toEqual(refusedWith('not-enough-endorsements'))
    expect(await by(relay)).toEqual(refusedWith('not-enough-endorsements'))
    expect(await by(relay, second)).toEqual(refusedWith('not-enough-endorsements'))
    expect(await by(relay, third)).toEqual(ok)
  })

  test('one is enough where one sponsor let all of them in', async () => {
    coordinate({ device: relay, sponsor: 'a' }, { device: second, sponsor: 'a' })
    expect(await ledger.applySigned(await ledger.ownerRegister('sensor', {}, [second]))).toEqual(ok)
  })

  test('of active members of the set only, by their own keys', async () => {
    const outsider = await ledger.admit('outsider', { label: LABEL.coordination }, [relay, third])
    const byOutsider = await ledger.ownerRegister('sensor', {}, [relay, outsider])
    expect(ledger.apply(byOutsider)).toEqual(refusedWith('not-a-coordination-node'))
    const forged = await ledger.ownerRegister('sensor', {}, [relay, { ...third, wallet: namedSigner('thief') }])
    expect(await ledger.applySigned(forged)).toBe('bad signature')
    ledger.draft.setDevice({ ...ledger.draft.device(third.deviceId)!, status: STATUS.retired })
    expect(ledger.apply(await ledger.ownerRegister('lamp', {}, [relay, third]))).toEqual(
      refusedWith('not-a-coordination-node'),
    )
  })
})

test('a refused transaction leaves the draft as it was', async () => {
  const before = ledger.draft.state.changes().length
  const signatures = ledger.draft.signatures.length
  expect(ledger.apply(await ledger.ownerRegister('relay')).ok).toBe(false)
  expect([ledger.draft.state.changes().length, ledger.draft.signatures.length]).toEqual([before, signatures])
})

test('what the owners sign names the whole claim', async () => {
  const transaction = await ledger.ownerRegister('sensor')
  const register = dataOf(transaction)
  const signature = await ledger.ownerSignature(
    KIND.register,
    hashClaim({ ...register.claim, profile: named('other') }),
  )
  register.evidence = { TAG: 'owners', data: [{ owner: 0, signature }] }
  expect(await ledger.applySigned(transaction)).toBe('bad signature')
})
