import { beforeEach, describe, expect, test } from 'vitest'
import { certificateAnchor } from '../../../shared/identity/anchor.ts'
import { ASSURANCE, LABEL, STATUS } from '../../../shared/identity/label.ts'
import type { RenewalCode } from '../../../shared/ledger/evidence.ts'
import { endorsementMessage } from '../../../shared/transaction/register.ts'
import {
  type RenewalContent,
  renewalEndorsementMessage,
  renewalMessage,
  type Transaction,
} from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const ok = { ok: true }
const refusedWith = (code: RenewalCode) => expect.objectContaining({ ok: false, code })
const anchor = certificateAnchor(named('certified key'))
type By = 'wallet' | 'recovery'

let ledger: LedgerFixture
let relay: TestDevice
let camera: TestDevice
beforeEach(async () => {
  ledger = new LedgerFixture()
  relay = await ledger.admit('relay', { label: LABEL.full | LABEL.coordination })
  ledger.draft.policy = { ...ledger.draft.policy, trustRoots: [named('ca'), named('other ca')] }
  coordinate([relay, 'owners'])
  const claim = ledger.claim('camera', anchor, { assurance: ASSURANCE.certified })
  const data = { issuer: named('ca'), evidence: named('first'), notAfter: ledger.time + 1 }
  const registered = await ledger.sign(claim, { TAG: 'certificate', data }, namedSigner('camera'), [relay])
  expect(await ledger.applySigned(registered)).toEqual(ok)
  camera = ledger.device('camera', anchor)
})

function coordinate(...members: [TestDevice, string][]): void {
  const sorted = members
    .map(([{ deviceId }, sponsor]) => ({ deviceId, sponsor: named(sponsor), sinceHeight: 1 }))
    .sort((a, b) => Buffer.compare(a.deviceId, b.deviceId))
  ledger.draft.coordinationSet = { number: 1, members: sorted }
}

async function renew(
  change: Partial<RenewalContent> = {},
  {
    by = 'wallet',
    device = camera,
    endorsers = [relay],
  }: { by?: By; device?: TestDevice; endorsers?: TestDevice[] } = {},
): Promise<Extract<Transaction, { TAG: 'evidence' }>> {
  const renewal: RenewalContent = {
    deviceId: device.deviceId,
    sequence: (ledger.draft.device(device.deviceId)?.sequence ?? 0) + 1,
    issuer: named('ca'),
    evidence: named('second'),
    notAfter: ledger.time + 100_000,
    ...change,
  }
  const message = renewalEndorsementMessage(ledger.networkId, renewal)
  const endorsements = await Promise.all(
    endorsers.map(async ({ deviceId, wallet }) => ({ deviceId, signature: await wallet.sign(message) })),
  )
  endorsements.sort((a, b) => Buffer.compare(a.deviceId, b.deviceId))
  const authority = { TAG: by, data: await device[by].sign(renewalMessage(ledger.networkId, renewal)) }
  return { TAG: 'evidence', data: { renewal, endorsements, authority } }
}

describe('evidence', () => {
  test.each(['wallet', 'recovery'] as const)(
    'is renewed by the %s key: nothing else of the record changes',
    async (by) => {
      const before = ledger.draft.device(camera.deviceId)!
      ledger.nextBlock()
      const renewed = await renew({ issuer: named('other ca') }, { by })
      expect(await ledger.applySigned(renewed)).toEqual(ok)
      expect(ledger.draft.device(camera.deviceId)).toEqual({
        ...before,
        sequence: 1,
        quota: { ...before.quota, used: 1 },
        changedHeight: ledger.draft.block.height,
        issuer: named('other ca'),
        evidence: named('second'),
        evidenceExpires: renewed.data.renewal.notAfter,
      })
      expect(ledger.draft.anchor(anchor)).toMatchObject({ deviceId: camera.deviceId, live: true, registrations: 1 })
      expect(ledger.apply(renewed)).toEqual(refusedWith('wrong-sequence'))
    },
  )

  test('may be renewed late, and cut short', async () => {
    ledger.nextBlock(1_000_000)
    expect(await ledger.applySigned(await renew({ notAfter: ledger.time + 500 }))).toEqual(ok)
    expect(await ledger.applySigned(await renew({ notAfter: ledger.time }))).toEqual(ok)
    expect(ledger.draft.device(camera.deviceId)?.evidenceExpires).toBe(ledger.time)
  })

  test.each<[RenewalCode, () => Promise<Transaction>]>([
    ['evidence-expired', () => renew({ notAfter: ledger.time - 1 })],
    ['untrusted-root', () => renew({ issuer: named('a third ca') })],
    ['not-enough-endorsements', () => renew({}, { endorsers: [] })],
    ['not-a-coordination-node', () => renew({}, { endorsers: [relay, camera] })],
    ['wrong-sequence', () => renew({ sequence: 2 })],
    ['unknown-device', () => renew({}, { device: ledger.device('nobody') })],
  ])('is refused with %s, and good without that', async (code, make) => {
    expect(ledger.apply(await make())).toEqual(refusedWith(code))
    expect(ledger.draft.device(camera.deviceId)).toMatchObject({ sequence: 0, evidence: named('first') })
    expect(await ledger.applySigned(await renew())).toEqual(ok)
  })

  test('is refused where there is none: who came in another way does not become certified', async () => {
    const sensor = await ledger.admit('sensor', {}, [relay])
    expect(ledger.apply(await renew({}, { device: sensor }))).toEqual(refusedWith('not-certified'))
    expect(ledger.draft.device(sensor.deviceId)).toMatchObject({ assurance: ASSURANCE.vouched, sequence: 0 })
  })

  test('is refused of a retired device, beyond the quota, and once the owners trust the root no longer', async () => {
    const record = ledger.draft.device(camera.deviceId)!
    ledger.draft.setDevice({ ...record, status: STATUS.retired })
    expect(ledger.apply(await renew())).toEqual(refusedWith('retired'))
    ledger.draft.setDevice({ ...record, quota: { ...record.quota, used: 1_000 } })
    expect(ledger.apply(await renew())).toEqual(refusedWith('quota-exceeded'))
    ledger.draft.setDevice(record)
    ledger.draft.policy = { ...ledger.draft.policy, trustRoots: [named('other ca')] }
    expect(ledger.apply(await renew())).toEqual(refusedWith('untrusted-root'))
    coordinate()
    expect(ledger.apply(await renew({ issuer: named('other ca') }))).toEqual(refusedWith('not-enough-endorsements'))
  })

  test('needs two endorsements of different sponsors where there are two', async () => {
    const others = []
    for (const name of ['second', 'third'])
      others.push(await ledger.admit(name, { label: LABEL.coordination }, [relay]))
    const [second, third] = others as [TestDevice, TestDevice]
    coordinate([relay, 'a'], [second, 'a'], [third, 'b'])
    for (const endorsers of [[relay], [relay, second]])
      expect(ledger.apply(await renew({}, { endorsers }))).toEqual(refusedWith('not-enough-endorsements'))
    expect(await ledger.applySigned(await renew({}, { endorsers: [relay, third] }))).toEqual(ok)
  })

  test('is signed by device and endorsers, each for this very renewal', async () => {
    const thief = { ...camera, wallet: namedSigner('thief') }
    const forgeries = [
      await renew({}, { device: thief }),
      await renew({}, { by: 'recovery', device: { ...camera, recovery: camera.wallet } }),
      await renew({}, { endorsers: [{ ...relay, wallet: namedSigner('thief') }] }),
    ]
    const good = await renew()
    const { renewal, endorsements, authority } = good.data
    const other = (await renew({ evidence: named('third') })).data
    forgeries.push({ TAG: 'evidence', data: { ...good.data, endorsements: other.endorsements } })
    forgeries.push({ TAG: 'evidence', data: { renewal: other.renewal, endorsements: other.endorsements, authority } })
    // An endorsement of a registration is none of a renewal.
    const signature = await relay.wallet.sign(endorsementMessage(ledger.networkId, renewal.evidence))
    forgeries.push({
      TAG: 'evidence',
      data: { renewal, endorsements: endorsements.map((one) => ({ ...one, signature })), authority },
    })
    const record = ledger.draft.device(camera.deviceId)!
    for (const forged of forgeries) {
      expect(await ledger.applySigned(forged)).toBe('bad signature')
      ledger.draft.setDevice(record)
    }
    expect(await ledger.applySigned(good)).toEqual(ok)
  })
})
