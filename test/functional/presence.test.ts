/**
 * Two full nodes in processes of their own, and two peers with the wallet of one device, each at one of them: the second is
 * refused for as long as the first proves itself, which it is asked to at the full node where it is; then it is let in.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNodeSigner } from '../../node-relay/crypto/node-signer.ts'
import { readRelayFile } from '../../node-relay/full-node/relay-file.ts'
import { asciiBytes, fromHex } from '../../shared/bytes.ts'
import { presenceTimes } from '../../shared/coordination/lease.ts'
import { sha256 } from '../../shared/hash.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { PRESETS } from '../../shared/params.ts'
import { PAGE_PROTOCOLS, PROTOCOLS } from '../../shared/protocol/ids.ts'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { submitAnswerCodec } from '../../shared/protocol/messages.ts'
import {
  presenceAnswerCodec,
  presenceRequestCodec,
  sessionAnswerCodec,
} from '../../shared/protocol/presence-messages.ts'
import { sessionCertificateCodec } from '../../shared/session/session-certificate.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { type BrowserNetwork, createBrowserNetwork } from '../../web/network/browser-network.ts'
import { addressOf, eventually } from '../framework/network.ts'
import { makeRegistrations } from '../framework/relay-devices.ts'
import {
  lares,
  laresWith,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'
import { certify, proveAgainst, type SessionPeer, sessionPeer } from '../framework/session-peer.ts'

const TIMES = presenceTimes(PRESETS.test)
const wallet = createNodeSigner(sha256(asciiBytes('phone 0 wallet')))
const relays: RelayProcess[] = []
const phones: Phone[] = []
let networkId: Uint8Array
let deviceId: Uint8Array

interface Phone extends SessionPeer {
  readonly network: BrowserNetwork
  /** Peer ID of the relay that it is connected to. */
  readonly relay: string
}

async function openPhone(relay: RelayProcess): Promise<Phone> {
  const network = await createBrowserNetwork()
  const link = parseJoinLink(relay.joinUrl)
  if (!link.ok) throw new Error(link.detail)
  const { peerId } = await network.dial(addressOf(link.value.link.addresses, 'webrtc-direct'))
  const phone = { network, relay: peerId, peerId: network.peerId, peerKey: network.peerKey }
  phones.push(phone)
  await network.handle(PAGE_PROTOCOLS.provePresence, (_from, request) =>
    proveAgainst(request, phone, wallet, { time: Date.now() }),
  )
  return phone
}

async function show(phone: Phone, peerKey = phone.peerKey): Promise<unknown> {
  const certificate = await certify({ deviceId, wallet }, { networkId, peerKey, time: Date.now() })
  const bytes = sessionCertificateCodec.encode(certificate)
  const answer = sessionAnswerCodec.decode(await phone.network.request(phone.relay, PROTOCOLS.session, bytes))
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value
}

async function claim({ network, relay }: Phone) {
  const request = presenceRequestCodec.encode({ networkId })
  const answer = presenceAnswerCodec.decode(await network.request(relay, PROTOCOLS.presence, request))
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value
}

beforeAll(async () => {
  const first = await startRelayProcess()
  relays.push(first)
  networkId = fromHex(readRelayFile(first.dataDir).networkId)
  const [registration] = await makeRegistrations(first.dataDir, 1, 'phone')
  if (registration === undefined) throw new Error('no registration')
  const phone = await openPhone(first)
  await eventually('the relay itself is registered, and takes the phone', async () => {
    const answer = submitAnswerCodec.decode(
      await phone.network.request(phone.relay, PROTOCOLS.submit, registration.bytes),
    )
    return (answer.ok && answer.value.TAG === 'accepted') || undefined
  })
  const register = transactionCodec.decode(registration.bytes)
  if (!register.ok || register.value.TAG !== 'register') throw new Error('no registration')
  const { walletKey, anchor } = register.value.data.claim
  deviceId = deviceIdOf(networkId, walletKey, anchor)

  const second = await startRelayProcess({ flags: ['--join', first.joinUrl] })
  relays.push(second)
  const { text } = await newVoucher(first.dataDir)
  const proposed = await lares(second.dataDir, 'roster', 'propose', '--voucher', text)
  const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1] ?? ''
  const seated = await laresWith(ownerWords(first), first.dataDir, 'roster', 'submit', motion, '--yes')
  expect(seated, proposed.stderr).toMatchObject({ code: 0 })
}, 180_000)

afterAll(async () => {
  for (const { network } of phones) await network.stop()
  for (const relay of relays) await relay.stop()
  for (const { dataDir } of relays) await removeDataDir(dataDir)
})

describe('two peers with one wallet, at two full nodes', () => {
  it('one is present, the other is let in when that is gone', { timeout: 180_000 }, async () => {
    const [first] = phones as [Phone]
    const second = await openPhone(relays[1] as RelayProcess)
    expect(await claim(first)).toMatchObject({ TAG: 'refused', data: { code: 'no-session' } })
    await eventually('both relays have it settled', async () => {
      const said = await Promise.all([show(first), show(second)])
      return said.every((one) => (one as { TAG: string }).TAG === 'opened') || undefined
    })
    // The certificate of another peer, and of none at all.
    for (const peerKey of [first.peerKey, sessionPeer('nobody').peerKey])
      expect(await show(second, peerKey)).toMatchObject({ TAG: 'refused', data: { code: 'session-of-another-peer' } })

    expect((await claim(first)).TAG).toBe('granted')
    const wait = await eventually('the second full node has settled its seat and met the first', async () => {
      const { TAG, data } = await claim(second)
      // Until then it is none of the servers, or says that it could not ask.
      if ('unchecked' in data) expect(data.unchecked).toBe(1)
      return TAG === 'wait' && data.isProven ? data.wait : undefined
    })
    expect(wait).toBeGreaterThan(TIMES.lease)
    expect(wait).toBeLessThanOrEqual(TIMES.lease + TIMES.claimDelay)
    expect(await claim(first)).toMatchObject({ TAG: 'renewed' })
    const status = await lares((relays[0] as RelayProcess).dataDir, 'status', '--json')
    expect(status.stdout).toContain('device-copied')

    await first.network.stop()
    const goneAt = Date.now()
    await eventually('it is let in', async () => ((await claim(second)).TAG === 'granted' ? true : undefined))
    const tookMs = Date.now() - goneAt
    console.log(`let in ${tookMs} ms after the first was gone`)
    expect(tookMs).toBeLessThanOrEqual(TIMES.lease + TIMES.claimDelay + 5_000)
    expect(tookMs).toBeGreaterThan(TIMES.lease)
  })
})
