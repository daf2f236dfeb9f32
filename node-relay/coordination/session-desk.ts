import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { peerKeyOf } from '../../shared/session/peer-key.ts'
import {
  type SessionCertificate,
  type SessionCode,
  sessionMessage,
  validateSession,
} from '../../shared/session/session-certificate.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'

export interface SessionDeskInit {
  readonly network: Pick<PeerNetwork, 'peers' | 'on'>
  readonly chain: Pick<FullChain, 'graph' | 'rules' | 'stateAt'>
  readonly verifier: SignatureVerifier
  now(): number
}

export type SessionRefusal =
  | SessionCode
  | 'no-peer-key'
  | 'not-ready'
  | 'not-in-ledger'
  | 'retired'
  | 'bad-signature'
  | 'peer-gone'

export interface SessionDesk {
  /** Whether a certificate holds for its own key, wherever that is connected. */
  judge(certificate: SessionCertificate): Promise<Result<DeviceRecord, SessionRefusal>>
  /** A peer shows its certificate. It counts for this peer until it ends, or the peer's last connection is closed. */
  open(peer: string, certificate: SessionCertificate): Promise<Result<SessionCertificate, SessionRefusal>>
  /** The session of a connected peer, as long as the settled ledger has its device active under the key that signed it. */
  of(peer: string): SessionCertificate | undefined
  /** Connected peers whose session speaks for the device. */
  peersOf(deviceId: Uint8Array): string[]
  /** The settled record of a device that may speak for itself. */
  activeRecord(deviceId: Uint8Array): Result<DeviceRecord, 'not-ready' | 'not-in-ledger' | 'retired'>
}

/** Which connected peers speak for which devices, by their own certificates (DESIGN 5). */
export function createSessionDesk({ network, chain, verifier, now }: SessionDeskInit): SessionDesk {
  const { networkId } = chain.rules
  /** Connected peers only: bounded as connections are. */
  const sessions = new Map<string, { readonly certificate: SessionCertificate; readonly walletKey: Uint8Array }>()
  network.on('disconnected', ({ peerId }) => sessions.delete(peerId))

  function activeRecord(deviceId: Uint8Array): ReturnType<SessionDesk['activeRecord']> {
    const state = chain.stateAt(chain.graph.settled.node.height)
    if (state === undefined) return reject('not-ready', 'The settled state is not kept yet. Try again in a minute.')
    const record = recordOf(state, deviceId)
    if (record === undefined) return reject('not-in-ledger', 'This device is not in the settled ledger.')
    if (record.status !== STATUS.active) return reject('retired', 'This device is retired.')
    return accept(record)
  }

  async function judge(
    certificate: SessionCertificate,
    peerKey: Uint8Array,
  ): Promise<Result<DeviceRecord, SessionRefusal>> {
    const valid = validateSession(certificate, { peerKey, now: now(), networkId })
    if (!valid.ok) return valid
    const record = activeRecord(certificate.deviceId)
    if (!record.ok) return record
    const { signature } = certificate
    const check = { publicKey: record.value.walletKey, message: sessionMessage(certificate), signature }
    if (!(await verifier.verify(check)))
      return reject('bad-signature', "This session is not signed by the device's present wallet key.")
    return record
  }

  function of(peer: string): SessionCertificate | undefined {
    const session = sessions.get(peer)
    if (session === undefined || now() >= session.certificate.until) return undefined
    const record = activeRecord(session.certificate.deviceId)
    return record.ok && equalBytes(record.value.walletKey, session.walletKey) ? session.certificate : undefined
  }

  return {
    activeRecord,
    judge: (certificate) => judge(certificate, certificate.peerKey),
    async open(peer, certificate) {
      const peerKey = peerKeyOf(peer)
      if (peerKey === undefined) return reject('no-peer-key', 'A session needs a peer with an Ed25519 key.')
      const record = await judge(certificate, peerKey)
      if (!record.ok) return record
      // It may have left while the signature was verified, and nothing would take it out again.
      if (!network.peers().some(({ peerId }) => peerId === peer)) return reject('peer-gone', 'The peer has gone.')
      sessions.set(peer, { certificate, walletKey: record.value.walletKey })
      return accept(certificate)
    },
    of,
    peersOf: (deviceId) =>
      [...sessions].flatMap(([peer, { certificate }]) =>
        equalBytes(certificate.deviceId, deviceId) && of(peer) !== undefined ? [peer] : [],
      ),
  }
}
