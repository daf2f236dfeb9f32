import { beforeEach, describe, expect, test } from 'vitest'
import { certificateAnchor } from '../../../shared/identity/anchor.ts'
import { ASSURANCE, LABEL, MARK, STATUS } from '../../../shared/identity/label.ts'
import type { IncidentCode } from '../../../shared/ledger/incident.ts'
import type { DuelProof } from '../../../shared/session/duel-proof.ts'
import { MAX_SESSION_MS, SESSION_CLOCK_TOLERANCE_MS } from '../../../shared/session/session-certificate.ts'
import {
  type DeviceAuthority,
  type IncidentContent,
  renewalEndorsementMessage,
  renewalMessage,
  rotateMessage,
  rotateNewKeyMessage,
  type Transaction,
} from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { certify, fight, reportIncident, sessionPeer } from '../../framework/session-peer.ts'
import { LedgerFixture, named } from './ledger-fixture.ts'

const ok = { ok: true }
const refusedWith = (code: IncidentCode) => expect.objectContaining({ ok: false, code })

let ledger: LedgerFixture
let relay: TestDevice
let camera: TestDevice
beforeEach(async () => {
  ledger = new LedgerFixture()
  relay = await ledger.admit('relay', { label: LABEL.full | LABEL.coordination })
  coordinate([relay, 'owners'])
  camera = await ledger.admit('camera', {}, [relay])
  // So that trust is not that of a newcomer only.
  for (let i = 0; i < 3; i++) ledger.nextBlock()
})

function coordinate(...members: [TestDevice, string][]): void {
  const sorted = members
    .map(([{ deviceId }, sponsor]) => ({ deviceId, sponsor: named(sponsor), sinceHeight: 1 }))
    .sort((a, b) => Buffer.compare(a.deviceId, b.deviceId))
  ledger.draft.coordinationSet = { number: 1, members: sorted }
}

const record = () => ledger.draft.device(camera.deviceId)!
const duel = (altered: Partial<DuelProof> = {}, device = camera): Promise<IncidentContent> =>
  fight(device, { networkId: ledger.networkId, time: ledger.time }, altered)
const report = async (content: IncidentContent, witnesses = [relay]) => reportIncident(content, witnesses)

async function longClaim(ms: number): Promise<IncidentContent> {
  const { claimed, proof } = await duel()
  const { networkId, peerKey, time } = claimed
  return { claimed: await certify(camera, { networkId, peerKey, time, until: time + ms }), proof }
}

async function rotate(by: DeviceAuthority['TAG'], to = 'second key'): Promise<Transaction> {
  const wallet = to === 'the same' ? camera.wallet : namedSigner(to)
  const content = {
    deviceId: camera.deviceId,
    sequence: record().sequence + 1,
    walletKey: wallet.publicKey,
    recoveryKey: camera.recovery.publicKey,
    addresses: [],
  }
  const authority = { TAG: by, data: await camera[by].sign(rotateMessage(ledger.networkId, content)) }
  const newKeySignature = await wallet.sign(rotateNewKeyMessage(ledger.networkId, content))
  return { TAG: 'rotate', data: { rotate: content, authority, newKeySignature } }
}

describe('an incident', () => {
  test('marks the device, once, and takes neither label, status nor trust from it', async () => {
    const before = record()
    const incident = await report(await duel())
    expect(await ledger.applySigned(incident)).toEqual(ok)
    const { time } = incident.data.incident.proof
    const changedHeight = ledger.draft.block.height
    expect(record()).toEqual({ ...before, marks: MARK.contested, contestedAt: time, changedHeight })
    expect(ledger.apply(await report(await duel({ nonce: named('another') })))).toEqual(refusedWith('incident-known'))
  })

  test('is over when the recovery key gives new keys; a rotation by the wallet key may be that of the thief', async () => {
    await ledger.applySigned(await report(await duel()))
    expect(await ledger.applySigned(await rotate('wallet'))).toEqual(ok)
    expect(record().marks).toBe(MARK.contested)
    expect(await ledger.applySigned(await rotate('recovery', 'third key'))).toEqual(ok)
    expect(record()).toMatchObject({ marks: 0, contestedAt: undefined })
    // What the key of before has signed says nothing any more.
    expect(await ledger.applySigned(await report(await duel()))).toBe('bad signature')
    ledger.draft.setDevice({ ...record(), marks: 0, contestedAt: undefined })
    const renewed = { ...camera, wallet: namedSigner('third key') }
    expect(await ledger.applySigned(await report(await duel({}, renewed)))).toEqual(ok)
  })

  test('stays with a rotation that keeps the wallet key: the copy is as good as before', async () => {
    const incident = await report(await duel())
    expect(await ledger.applySigned(incident)).toEqual(ok)
    expect(await ledger.applySigned(await rotate('recovery', 'the same'))).toEqual(ok)
    expect(record().marks).toBe(MARK.contested)
    expect(ledger.apply(incident)).toEqual(refusedWith('incident-known'))
    expect(await ledger.applySigned(await rotate('recovery'))).toEqual(ok)
    expect(record().marks).toBe(0)
    expect(await ledger.applySigned(incident)).toBe('bad signature')
  })

  test('stays when the evidence is renewed: the wallet key is the same, and so the incident could come again', async () => {
    const anchor = certificateAnchor(named('certified key'))
    ledger.draft.policy = { ...ledger.draft.policy, trustRoots: [named('ca')] }
    const stated = { issuer: named('ca'), evidence: named('first'), notAfter: ledger.time + 60_000 }
    const claim = ledger.claim('lock', anchor, { assurance: ASSURANCE.certified })
    await ledger.applySigned(
      await ledger.sign(claim, { TAG: 'certificate', data: stated }, namedSigner('lock'), [relay]),
    )
    const lock = ledger.device('lock', anchor)
    const incident = await report(await duel({}, lock))
    expect(await ledger.applySigned(incident)).toEqual(ok)
    expect(ledger.draft.device(lock.deviceId)?.marks).toBe(MARK.contested)
    const renewal = { ...stated, deviceId: lock.deviceId, sequence: 1, evidence: named('second') }
    const signature = await relay.wallet.sign(renewalEndorsementMessage(ledger.networkId, renewal))
    const endorsements = [{ deviceId: relay.deviceId, signature }]
    const data = await lock.wallet.sign(renewalMessage(ledger.networkId, renewal))
    const renewed: Transaction = {
      TAG: 'evidence',
      data: { renewal, endorsements, authority: { TAG: 'wallet', data } },
    }
    expect(await ledger.applySigned(renewed)).toEqual(ok)
    expect(ledger.draft.device(lock.deviceId)).toMatchObject({ marks: MARK.contested, evidence: named('second') })
    expect(ledger.apply(incident)).toEqual(refusedWith('incident-known'))
  })

  test.each<[string, IncidentCode, () => Promise<IncidentContent>]>([
    ['of nobody', 'unknown-device', () => duel({}, ledger.device('nobody'))],
    ['a proof of another device', 'not-an-incident', () => duel({ deviceId: relay.deviceId })],
    ['a proof of another network', 'not-an-incident', () => duel({ networkId: named('elsewhere') })],
    ['a proof against another session', 'not-an-incident', () => duel({ claimantKey: named('another') })],
    ['a claim that is longer than a session', 'not-an-incident', () => longClaim(MAX_SESSION_MS + 1)],
    ['one session alone', 'not-an-incident', () => duel({ holderKey: sessionPeer('thief').peerKey })],
    [
      'a proof of before the claim',
      'not-an-incident',
      () => duel({ time: ledger.time - SESSION_CLOCK_TOLERANCE_MS - 1 }),
    ],
    ['a proof of after the claim', 'not-an-incident', () => duel({ time: ledger.time + 3_600_000 })],
    [
      'an old one',
      'incident-too-old',
      () => fight(camera, { networkId: ledger.networkId, time: ledger.time - MAX_SESSION_MS - 1 }),
    ],
    [
      'one of later',
      'incident-too-old',
      () => fight(camera, { networkId: ledger.networkId, time: ledger.time + MAX_SESSION_MS + 1 }),
    ],
  ])('is refused: %s', async (_, code, make) => {
    expect(ledger.apply(await report(await make()))).toEqual(refusedWith(code))
    expect(record().marks).toBe(0)
    const atTheEdge = await fight(camera, { networkId: ledger.networkId, time: ledger.time - MAX_SESSION_MS })
    expect(await ledger.applySigned(await report(atTheEdge))).toEqual(ok)
  })

  test('may be of a session that is as long as may be', async () => {
    expect(await ledger.applySigned(await report(await longClaim(MAX_SESSION_MS)))).toEqual(ok)
  })

  test('is refused with a claim for another network, and of a retired device', async () => {
    const { proof } = await duel()
    const claimed = await certify(camera, {
      ...{ networkId: named('elsewhere'), time: ledger.time, peerKey: proof.claimantKey },
    })
    const message = await report({ claimed: { ...claimed, networkId: named('elsewhere') }, proof })
    expect(ledger.apply(message)).toEqual(refusedWith('not-an-incident'))
    ledger.draft.setDevice({ ...record(), status: STATUS.retired })
    expect(ledger.apply(await report(await duel()))).toEqual(refusedWith('retired'))
  })

  test('needs witnesses of different sponsors, as many as a registration', async () => {
    const others = []
    for (const name of ['second', 'third'])
      others.push(await ledger.admit(name, { label: LABEL.coordination }, [relay]))
    const [second, third] = others as [TestDevice, TestDevice]
    coordinate([relay, 'a'], [second, 'a'], [third, 'b'])
    for (const witnesses of [[], [relay], [relay, second]])
      expect(ledger.apply(await report(await duel(), witnesses))).toEqual(refusedWith('not-enough-endorsements'))
    expect(ledger.apply(await report(await duel(), [relay, camera]))).toEqual(refusedWith('not-a-coordination-node'))
    expect(await ledger.applySigned(await report(await duel(), [relay, third]))).toEqual(ok)
  })

  test('is signed by the wallet of the device, twice, and by its witnesses: nobody else can make one', async () => {
    const thief = { ...camera, wallet: namedSigner('thief') }
    const [good, made] = [await duel(), await duel({}, thief)]
    const forgeries = [
      await report({ claimed: made.claimed, proof: good.proof }),
      await report({ claimed: good.claimed, proof: made.proof }),
      await report(good, [{ ...relay, wallet: namedSigner('thief') }]),
    ]
    const other = await report(await duel({ nonce: named('another') }))
    forgeries.push({ TAG: 'incident', data: { incident: good, endorsements: other.data.endorsements } })
    const before = record()
    for (const forged of forgeries) {
      expect(await ledger.applySigned(forged)).toBe('bad signature')
      ledger.draft.setDevice(before)
    }
    expect(await ledger.applySigned(await report(good))).toEqual(ok)
  })
})
