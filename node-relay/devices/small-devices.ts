import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import {
  challengeAnswerCodec,
  challengeAnswerMessage,
  formatChallenge,
  NONCE_LENGTH,
} from '../../shared/device-profile/challenge.ts'
import { leaseCodec, leaseMessage, validateClock, validateLease } from '../../shared/device-profile/lease.ts'
import { relayTimeMessage } from '../../shared/device-profile/relay-time.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import type { Quoted } from '../../shared/protocol/join-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import { createChallengeDesk } from './challenge-desk.ts'
import { collectEndorsements } from './collect-endorsements.ts'
import { collectQuotes } from './collect-quotes.ts'
import type { DeviceState, SmallDeviceDoor } from './door.ts'
import { createJoinDesk } from './join.ts'
import { createLeaseTable } from './lease-table.ts'
import { bytes32, parseSubject } from './subject.ts'
import { createWaiters } from './waiters.ts'

export interface SmallDevicesInit {
  readonly chain: FullChain
  readonly network: PeerNetwork
  readonly verifier: SignatureVerifier
  readonly wallet: Signer
  /** Of this relay. */
  readonly deviceId: Uint8Array
  readonly endorse: EndorsingDoor | undefined
  readonly quote: ((ask: Uint8Array) => Promise<Result<Quoted>>) | undefined
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>>
  readonly now: () => number
  readonly after: (ms: number, task: () => void) => () => void
}

/** The relay's side of the small-device profile. Records are read from the settled state. */
export function createSmallDevices(init: SmallDevicesInit): SmallDeviceDoor {
  const { chain, verifier, now } = init
  const { networkId } = chain.rules
  const leases = createLeaseTable()
  const desk = createChallengeDesk({ now })
  const waiters = createWaiters(init.after)

  const settledState = () => chain.stateAt(chain.graph.settled.node.height)

  function stateOf(deviceId: Uint8Array): DeviceState {
    const settled = settledState()
    const record = settled && recordOf(settled, deviceId)
    if (record !== undefined) return record.status === STATUS.retired ? 'retired' : 'registered'
    return recordOf(chain.state, deviceId) === undefined ? 'not-in-ledger' : 'pending'
  }

  /** The settled record of a device that may speak for itself. */
  function activeDevice(idText: string): Result<DeviceRecord> {
    const id = parseSubject(networkId, idText)
    if (!id.ok) return id
    const state = settledState()
    if (state === undefined) return reject('not-ready', 'The settled state is not kept yet. Try again in a minute.')
    const record = recordOf(state, id.value)
    if (record === undefined) return reject('not-in-ledger', 'This device is not in the settled ledger.')
    if (record.status !== STATUS.active) return reject('retired', 'This device is retired.')
    return accept(record)
  }

  /** Whether a signed message is of this network and of the device it came for, and signed by the settled wallet key. */
  async function isSignedBy(
    record: DeviceRecord,
    signed: { readonly networkId: Uint8Array; readonly deviceId: Uint8Array; readonly signature: Uint8Array },
    message: Uint8Array,
  ): Promise<Result<true>> {
    if (!equalBytes(signed.networkId, networkId))
      return reject('wrong-network', 'This message is signed for another network.')
    if (!equalBytes(signed.deviceId, record.deviceId))
      return reject('wrong-device', 'This message is of another device than the address says.')
    if (!(await verifier.verify({ publicKey: record.walletKey, message, signature: signed.signature })))
      return reject('bad-signature', "This message is not signed by the device's present wallet key.")
    return accept(true)
  }

  const joining = createJoinDesk({
    chain,
    stateOf,
    endorsements: (protocol, application, message) =>
      collectEndorsements({ ...init, read: async (key) => chain.state.get(key) }, protocol, application, message),
    async submit(transaction) {
      const result = await init.submit(transaction)
      return result.ok ? accept({ transactionId: toHex(result.value.transactionId) }) : result
    },
  })

  return {
    ...joining,
    askJoin: (ask) => collectQuotes({ ...init, read: async (key) => chain.state.get(key) }, ask),
    certifiedJoin: () => ({
      networkId: toHex(networkId),
      nonce: chain.graph.settled.node.id,
      trustRoots: policyOf(chain.state).trustRoots.map(toHex),
    }),
    state(idText) {
      const id = parseSubject(networkId, idText)
      if (!id.ok) return id
      const record = recordOf(chain.state, id.value)
      return accept({
        deviceId: formatDeviceId(networkId, id.value),
        state: stateOf(id.value),
        sequence: record?.sequence,
        walletKey: record && toHex(record.walletKey),
        time: now(),
      })
    },
    async renew(idText, bytes) {
      const device = activeDevice(idText)
      if (!device.ok) return device
      const decoded = leaseCodec.decode(bytes)
      if (!decoded.ok) return decoded
      const lease = decoded.value
      const signed = await isSignedBy(device.value, lease, leaseMessage(lease))
      if (!signed.ok) return signed
      // After the signature, so that nothing happens between the look at the newest lease and its replacement.
      const verdict = validateLease(lease, now(), leases.newest(lease.deviceId)?.seen)
      if (!verdict.ok) return verdict
      leases.put(lease.deviceId, { seen: lease.time, until: lease.until })
      return accept({ deviceId: formatDeviceId(networkId, lease.deviceId), until: lease.until })
    },
    challenge(idText, nonce, asker) {
      if (nonce.length !== NONCE_LENGTH) return reject('malformed-request', `A nonce has ${NONCE_LENGTH} random bytes.`)
      const device = activeDevice(idText)
      if (!device.ok) return device
      const opened = desk.open(device.value.deviceId, nonce, asker)
      if (!opened.ok) return opened
      waiters.wake(`device ${toHex(device.value.deviceId)}`)
      return accept({ nonce: toHex(nonce), expires: opened.value.expires, text: formatChallenge(networkId, nonce) })
    },
    async challenges(idText, patience) {
      const device = activeDevice(idText)
      if (!device.ok) return device
      const { deviceId } = device.value
      const pending = () => desk.pendingOf(deviceId).map(({ nonce, expires }) => ({ nonce: toHex(nonce), expires }))
      if (pending().length === 0 && patience.waitMs > 0 && !(await waiters.wait(`device ${toHex(deviceId)}`, patience)))
        return reject('too-many-waiting', 'Too many wait just now; ask again later, or without wait.')
      return accept({ time: now(), challenges: pending() })
    },
    async answer(idText, bytes) {
      const device = activeDevice(idText)
      if (!device.ok) return device
      const decoded = challengeAnswerCodec.decode(bytes)
      if (!decoded.ok) return decoded
      const answer = decoded.value
      const signed = await isSignedBy(device.value, answer, challengeAnswerMessage(answer))
      if (!signed.ok) return signed
      const clock = validateClock(answer.time, now())
      if (!clock.ok) return clock
      const settled = desk.settle(answer)
      if (!settled.ok) return settled
      waiters.wake(`nonce ${toHex(answer.nonce)}`)
      return accept({ nonce: toHex(answer.nonce) })
    },
    async challengeOutcome(nonceText, patience) {
      const nonce = bytes32(nonceText)
      const unknown = reject('unknown-challenge', 'There is no such challenge, or it is over.')
      if (nonce === undefined) return reject('malformed-request', 'A nonce is written as 64 hex digits.')
      let challenge = desk.find(nonce)
      if (challenge === undefined) return unknown
      if (challenge.answer === undefined && patience.waitMs > 0) {
        if (!(await waiters.wait(`nonce ${toHex(nonce)}`, patience)))
          return reject('too-many-waiting', 'Too many wait just now; ask again later, or without wait.')
        challenge = desk.find(nonce)
        if (challenge === undefined) return unknown
      }
      const { answer, expires, deviceId } = challenge
      return accept({
        deviceId: formatDeviceId(networkId, deviceId),
        state: answer === undefined ? 'waiting' : 'answered',
        expires,
        answer: answer && challengeAnswerCodec.encode(answer),
      })
    },
    async time(nonceText) {
      const nonce = bytes32(nonceText)
      if (nonce === undefined) return reject('malformed-request', 'A nonce is written as 64 hex digits.')
      const time = Math.floor(now())
      const message = relayTimeMessage({ networkId, relayId: init.deviceId, nonce, time })
      return accept({
        networkId: toHex(networkId),
        relayId: toHex(init.deviceId),
        relayKey: toHex(init.wallet.publicKey),
        time,
        signature: toHex(await init.wallet.sign(message)),
      })
    },
    presence(idText) {
      const id = parseSubject(networkId, idText)
      const presence = id.ok ? leases.newest(id.value) : undefined
      return presence !== undefined && presence.until > now() ? presence : undefined
    },
    countAlive: () => leases.countAlive(now()),
  }
}
