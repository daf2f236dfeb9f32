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
import { PAGE_PROTOCOLS } from '../../shared/protocol/ids.ts'
import { refusal } from '../../shared/protocol/messages.ts'
import { type PresenceAnswer, provePresenceCodec } from '../../shared/protocol/presence-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { type DuelProof, duelProofCodec, duelProofMessage } from '../../shared/session/duel-proof.ts'
import { peerIdOf } from '../../shared/session/peer-key.ts'
import { SESSION_CLOCK_TOLERANCE_MS, type SessionCertificate } from '../../shared/session/session-certificate.ts'
import type { SessionDesk } from './session-desk.ts'

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
  readonly sessions: Pick<SessionDesk, 'of' | 'activeRecord'>
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

  async function claim(session: SessionCertificate, seat: number): Promise<PresenceAnswer> {
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
        return { TAG: outcome.type, data: { lasts: outcome.until - now() } }
      case 'full':
        return { TAG: 'full', data: {} }
      default: {
        const lease = table.leaseOf(deviceId, now())
        const until = outcome.type === 'wait' ? outcome.until : outcome.deadline
        const isProven = lease !== undefined && lease.duel === undefined
        return { TAG: 'wait', data: { wait: Math.max(1, until - now()), isProven } }
      }
    }
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
    look() {
      table.prune(now())
      for (const deviceId of claimants.keys())
        if (table.leaseOf(deviceId, now())?.duel === undefined) claimants.delete(deviceId)
    },
  }
}
