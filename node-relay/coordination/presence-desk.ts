import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import {
  type ClaimOutcome,
  MAX_PRESENCE_LEASES,
  type PresenceLease,
  PresenceTable,
  type PresenceTimes,
  type ProofCode,
} from '../../shared/coordination/lease.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { ACCEPT, reject, type Verdict } from '../../shared/errors.ts'
import { PAGE_PROTOCOLS, PROTOCOLS } from '../../shared/protocol/ids.ts'
import { refusal } from '../../shared/protocol/messages.ts'
import {
  type ClaimAnswer,
  claimAnswerCodec,
  type PresenceAnswer,
  provePresenceCodec,
} from '../../shared/protocol/presence-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { type DuelProof, duelProofCodec, duelProofMessage } from '../../shared/session/duel-proof.ts'
import { peerIdOf } from '../../shared/session/peer-key.ts'
import {
  SESSION_CLOCK_TOLERANCE_MS,
  type SessionCertificate,
  sessionCertificateCodec,
} from '../../shared/session/session-certificate.ts'
import type { DeviceServers } from './device-servers.ts'
import type { SessionDesk } from './session-desk.ts'

/** Two sessions that claim one device at two full nodes at once: one of them is told to ask again after this, ms. */
const SAME_TIME_MS = 2_000
/** About one session the others are asked once in this time, ms; of so many sessions that is remembered. */
const ASK_PAUSE_MS = 1_000
export const MAX_REMEMBERED_CLAIMS = 1_024
/** Leases and duels that have run out are forgotten this often, ms. */
export const PRESENCE_ROUND_MS = 60_000

/** Somebody claimed a device with its wallet's key, and who was present has proven to be there. */
export interface WonDuel {
  readonly claimed: SessionCertificate
  readonly proof: DuelProof
}

export interface PresenceDeskInit {
  readonly network: Pick<PeerNetwork, 'request'>
  readonly networkId: Uint8Array
  readonly times: PresenceTimes
  readonly capacity?: number
  /** Of this relay; undefined while it is not in the roster. */
  seat(): number | undefined
  readonly sessions: Pick<SessionDesk, 'of' | 'activeRecord' | 'judge'>
  readonly servers: DeviceServers
  readonly verifier: SignatureVerifier
  /** Random bytes. */
  random(length: number): Uint8Array
  now(): number
  /** Once for each duel. */
  onDuelWon(duel: WonDuel): void
  log(message: string): void
}

export interface PresenceDesk {
  /** Leases and what is still remembered of those that have run out. */
  readonly size: number
  /** A peer says that the device of its session is present. */
  claim(peer: string): Promise<PresenceAnswer>
  /** Another full node asks for a session that claims its device there. */
  claimElsewhere(peer: string, session: SessionCertificate): Promise<ClaimAnswer>
  /** Every {@link PRESENCE_ROUND_MS}. */
  look(): void
}

export type DuelCode =
  | ProofCode
  | 'no-answer'
  | 'malformed'
  | 'too-long'
  | 'another-duel'
  | 'wrong-nonce'
  | 'clock-differs'
  | 'not-active'
  | 'bad-signature'

/**
 * Who is present, by leases that sessions hold at this full node. A second session of a device makes the first one prove
 * itself: it signs a nonce with the wallet's key, over the connection that its own session is bound to.
 */
export function createPresenceDesk(init: PresenceDeskInit): PresenceDesk {
  const { networkId, sessions, times, now } = init
  const table = new PresenceTable(init.capacity ?? MAX_PRESENCE_LEASES, times)
  /** Certificates of claimants by device: as many as leases with a duel. */
  const claimants = new Map<string, SessionCertificate>()
  /** Servers that could not be asked, by device: as many as leases. */
  const unchecked = new Map<string, number>()
  /** Holders of claims about which the others are being asked, by device: as many as requests under way. */
  const asking = new Map<string, string>()
  /** What the others said of a session that has just claimed its device, the oldest first. */
  const remembered = new Map<string, { readonly at: number; readonly refused: PresenceAnswer | undefined }>()

  /** A claim at this full node. The first one of a session is put to the device's other servers, too. */
  async function claim(session: SessionCertificate, seat: number): Promise<PresenceAnswer> {
    const deviceId = toHex(session.deviceId)
    const holder = toHex(session.peerKey)
    const isChecked = table.knows(deviceId, now()) && !unchecked.has(deviceId)
    if (isChecked) return claimHere(session, seat)
    const last = remembered.get(`${deviceId} ${holder}`)
    if (last !== undefined && now() - last.at < ASK_PAUSE_MS) {
      if (last.refused !== undefined) return last.refused
      if (unchecked.has(deviceId)) return withUnchecked(await claimHere(session, seat), deviceId)
    }
    const record = sessions.activeRecord(session.deviceId)
    const others = record.ok ? init.servers.othersOf(record.value) : undefined
    if (others === undefined) return refusal('not-its-server', 'This relay is none of the servers of this device.')
    const first = asking.get(deviceId)
    if (first !== undefined && first !== holder) return waitFor(SAME_TIME_MS)
    asking.set(deviceId, holder)
    const told = await askOthers(others.peers, session)
    const refused = longestWait(told)
    remember(`${deviceId} ${holder}`, refused)
    if (refused !== undefined) {
      asking.delete(deviceId)
      // A lease that was granted while that server could not be asked.
      table.release(deviceId, holder)
      unchecked.delete(deviceId)
      return refused
    }
    const missing = others.away + told.filter((answer) => answer === undefined).length
    const answering = claimHere(session, seat)
    // Not before the lease is there: who asks meanwhile finds the one or the other.
    asking.delete(deviceId)
    const answer = await answering
    const isHeld = table.leaseOf(deviceId, now())?.holder === holder
    if (missing === 0 || !isHeld) unchecked.delete(deviceId)
    else {
      if (!unchecked.has(deviceId)) init.log(`${deviceId} is present, and ${missing} of its servers could not be asked`)
      unchecked.set(deviceId, missing)
    }
    if (answer.TAG !== 'granted') return withUnchecked(answer, deviceId)
    const hasMoved = told.some((one) => one?.TAG === 'released')
    return withUnchecked(hasMoved ? { ...answer, TAG: 'moved' } : answer, deviceId)
  }

  function remember(session: string, refused: PresenceAnswer | undefined): void {
    remembered.delete(session)
    if (remembered.size >= MAX_REMEMBERED_CLAIMS) remembered.delete(remembered.keys().next().value as string)
    remembered.set(session, { at: now(), refused })
  }

  /** One server that knows another holder is enough. */
  function longestWait(told: readonly (ClaimAnswer | undefined)[]): PresenceAnswer | undefined {
    const waits = told.flatMap((answer) => (answer?.TAG === 'wait' ? [answer.data] : []))
    if (waits.length === 0) return undefined
    const wait = Math.max(...waits.map((one) => one.wait))
    const isProven = waits.some((one) => one.isProven)
    return waitFor(wait, isProven)
  }

  /** @returns undefined for each that has not said whether it knows of another holder */
  function askOthers(
    peers: readonly string[],
    session: SessionCertificate,
  ): Promise<(Exclude<ClaimAnswer, { TAG: 'refused' }> | undefined)[]> {
    const request = sessionCertificateCodec.encode(session)
    return Promise.all(
      peers.map(async (peer) => {
        const answer = await init.network.request(peer, PROTOCOLS.claim, request).catch(() => undefined)
        const said = answer && claimAnswerCodec.decode(answer)
        return said?.ok && said.value.TAG !== 'refused' ? said.value : undefined
      }),
    )
  }

  async function claimHere(session: SessionCertificate, seat: number): Promise<PresenceAnswer> {
    const deviceId = toHex(session.deviceId)
    const holder = toHex(session.peerKey)
    const outcome = table.claim({ deviceId, holder, seat }, now())
    const claimed = claimants.get(deviceId)
    if (outcome.type === 'prove') {
      claimants.set(deviceId, session)
      await challenge(session)
      return answerTo(deviceId, table.claim({ deviceId, holder, seat }, now()))
    }
    // Whoever was away when it was to prove itself is asked again; it need not wait for that.
    if (claimed !== undefined && table.leaseOf(deviceId, now())?.holder === holder) void challenge(claimed)
    return answerTo(deviceId, outcome)
  }

  /** Asks who holds the lease to prove itself against a claim. */
  async function challenge(claimed: SessionCertificate): Promise<void> {
    const deviceId = toHex(claimed.deviceId)
    const lease = table.leaseOf(deviceId, now())
    if (lease?.duel === undefined) return void claimants.delete(deviceId)
    const nonce = init.random(32)
    const request = provePresenceCodec.encode({ nonce, claimed })
    const answer = await init.network
      .request(peerIdOf(fromHex(lease.holder)), PAGE_PROTOCOLS.provePresence, request)
      .catch(() => undefined)
    const verdict = await judge(answer, { claimed, lease, nonce })
    if (!verdict.ok) init.log(`the presence of ${deviceId} was not proven: ${verdict.code}`)
  }

  async function judge(
    answer: Uint8Array | undefined,
    asked: { readonly claimed: SessionCertificate; readonly lease: PresenceLease; readonly nonce: Uint8Array },
  ): Promise<Verdict<DuelCode>> {
    const { claimed, lease, nonce } = asked
    if (answer === undefined) return reject('no-answer', 'who is present has not answered')
    const decoded = duelProofCodec.decode(answer)
    if (!decoded.ok) return decoded
    const proof = decoded.value
    const isOfDuel =
      equalBytes(proof.networkId, networkId) &&
      equalBytes(proof.deviceId, claimed.deviceId) &&
      equalBytes(proof.holderKey, fromHex(lease.holder)) &&
      equalBytes(proof.claimantKey, claimed.peerKey)
    if (!isOfDuel) return reject('another-duel', 'the proof is of another duel')
    if (!equalBytes(proof.nonce, nonce)) return reject('wrong-nonce', 'the proof signs another nonce')
    if (Math.abs(proof.time - now()) > SESSION_CLOCK_TOLERANCE_MS)
      return reject('clock-differs', 'the proof is of another time')
    const record = sessions.activeRecord(claimed.deviceId)
    if (!record.ok) return reject('not-active', record.detail)
    const check = { publicKey: record.value.walletKey, message: duelProofMessage(proof), signature: proof.signature }
    if (!(await init.verifier.verify(check))) return reject('bad-signature', 'the proof is not signed by the wallet')
    const deviceId = toHex(claimed.deviceId)
    const proven = table.prove(deviceId, lease.holder, now())
    if (!proven.ok) return proven
    claimants.delete(deviceId)
    init.onDuelWon({ claimed, proof })
    return ACCEPT
  }

  function answerTo(deviceId: string, outcome: ClaimOutcome): PresenceAnswer {
    switch (outcome.type) {
      case 'granted':
      case 'renewed':
      case 'moved':
        return { TAG: outcome.type, data: { lasts: outcome.until - now(), unchecked: 0 } }
      case 'full':
        return { TAG: 'full', data: {} }
      default: {
        const lease = table.leaseOf(deviceId, now())
        const until = outcome.type === 'wait' ? outcome.until : outcome.deadline
        return waitFor(Math.max(1, until - now()), lease !== undefined && lease.duel === undefined)
      }
    }
  }

  const waitFor = (wait: number, isProven = false): PresenceAnswer & ClaimAnswer => ({
    TAG: 'wait',
    data: { wait, isProven },
  })

  function withUnchecked(answer: PresenceAnswer, deviceId: string): PresenceAnswer {
    if (answer.TAG !== 'granted' && answer.TAG !== 'renewed' && answer.TAG !== 'moved') return answer
    return { ...answer, data: { ...answer.data, unchecked: unchecked.get(deviceId) ?? 0 } }
  }

  return {
    get size() {
      return table.size
    },
    async claim(peer) {
      const session = sessions.of(peer)
      if (session === undefined) return refusal('no-session', 'Show the certificate of your session first.')
      const seat = init.seat()
      if (seat === undefined) return refusal('not-a-full-node', 'This relay is not a full node of the network.')
      return claim(session, seat)
    },
    async claimElsewhere(peer, session) {
      const seat = init.seat()
      if (seat === undefined || !init.servers.isKeeper(peer))
        return refusal('not-a-full-node', 'Only full nodes ask each other for sessions.')
      const judged = await sessions.judge(session)
      if (!judged.ok) return refusal(judged.code, judged.detail)
      const deviceId = toHex(session.deviceId)
      const holder = toHex(session.peerKey)
      if (table.release(deviceId, holder)) return { TAG: 'released', data: {} }
      if (!table.knows(deviceId, now())) {
        // Each of the two is asked by the other: both must come to the same.
        const own = asking.get(deviceId)
        return own !== undefined && own < holder ? waitFor(SAME_TIME_MS) : { TAG: 'none', data: {} }
      }
      const answer = await claimHere(session, seat)
      if (answer.TAG === 'wait') return answer
      // Its lease ended while it was to prove itself: where the claimant is present, it holds the next one.
      table.release(deviceId, holder)
      return { TAG: 'none', data: {} }
    },
    look() {
      table.prune(now())
      for (const deviceId of unchecked.keys())
        if (table.leaseOf(deviceId, now()) === undefined) unchecked.delete(deviceId)
      for (const deviceId of claimants.keys())
        if (table.leaseOf(deviceId, now())?.duel === undefined) claimants.delete(deviceId)
    },
  }
}
