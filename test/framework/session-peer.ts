/** Peers of sessions: libp2p keys by name, certificates by a device's wallet, and the proof of who holds a lease. */
import { compareBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { provePresenceCodec } from '../../shared/protocol/presence-messages.ts'
import { type DuelProof, duelProofCodec, duelProofMessage } from '../../shared/session/duel-proof.ts'
import { peerIdOf } from '../../shared/session/peer-key.ts'
import { type SessionCertificate, sessionMessage } from '../../shared/session/session-certificate.ts'
import {
  type IncidentContent,
  incidentEndorsementMessage,
  type Transaction,
} from '../../shared/transaction/transaction.ts'
import type { TestDevice } from './chain-actions.ts'
import { namedSigner } from './chain-builder.ts'

export interface SessionPeer {
  readonly peerKey: Uint8Array
  readonly peerId: string
}

export function sessionPeer(name: string): SessionPeer {
  const peerKey = namedSigner(`peer ${name}`).publicKey
  return { peerKey, peerId: peerIdOf(peerKey) }
}

/** An hour from `time` on, unless said otherwise. */
export async function certify(
  device: Pick<TestDevice, 'deviceId' | 'wallet'>,
  content: Pick<SessionCertificate, 'networkId' | 'peerKey' | 'time'> & { readonly until?: number },
): Promise<SessionCertificate> {
  const { deviceId, wallet } = device
  const said = { deviceId, until: content.time + 3_600_000, ...content }
  return { ...said, signature: await wallet.sign(sessionMessage(said)) }
}

/** A holder's answer to a challenge, as an honest page gives it, or with something altered before it is signed. */
export async function proveAgainst(
  request: Uint8Array,
  holder: SessionPeer,
  wallet: Signer,
  altered: Partial<DuelProof> & { readonly time: number },
): Promise<Uint8Array> {
  const asked = provePresenceCodec.decode(request)
  if (!asked.ok) throw new Error(asked.detail)
  const { nonce, claimed } = asked.value
  const { networkId, deviceId, peerKey: claimantKey } = claimed
  const content = { networkId, deviceId, holderKey: holder.peerKey, claimantKey, nonce, ...altered }
  return duelProofCodec.encode({ ...content, signature: await wallet.sign(duelProofMessage(content)) })
}

/** What a duel leaves: the certificate of a second session, and the proof of the first, both by the wallet of the device. */
export async function fight(
  { deviceId, wallet }: Pick<TestDevice, 'deviceId' | 'wallet'>,
  { networkId, time }: { readonly networkId: Uint8Array; readonly time: number },
  altered: Partial<DuelProof> = {},
): Promise<IncidentContent> {
  const [holder, thief] = [sessionPeer('holder'), sessionPeer('thief')]
  const claimed = await certify({ deviceId, wallet }, { networkId, time, peerKey: thief.peerKey })
  const said = { holderKey: holder.peerKey, claimantKey: thief.peerKey, nonce: thief.peerKey.slice().reverse() }
  const content = { networkId, deviceId, time, ...said, ...altered }
  return { claimed, proof: { ...content, signature: await wallet.sign(duelProofMessage(content)) } }
}

/** The transaction for a block, with witnesses in the order that it wants. */
export async function reportIncident(
  incident: IncidentContent,
  witnesses: readonly Pick<TestDevice, 'deviceId' | 'wallet'>[],
): Promise<Extract<Transaction, { TAG: 'incident' }>> {
  const message = incidentEndorsementMessage(incident.claimed.networkId, incident)
  const endorsements = await Promise.all(
    witnesses.map(async ({ deviceId, wallet }) => ({ deviceId, signature: await wallet.sign(message) })),
  )
  endorsements.sort((a, b) => compareBytes(a.deviceId, b.deviceId))
  return { TAG: 'incident', data: { incident, endorsements } }
}
