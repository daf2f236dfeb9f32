import * as P from 'micro-packed'
import { equalBytes } from '../bytes.ts'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { TAGS, tagged } from '../hash.ts'

/** A session ends this long after it was certified at the latest, ms. */
export const MAX_SESSION_MS = 24 * 3_600_000
/** The clocks of a device and of who checks its certificate may differ by this much, ms. */
export const SESSION_CLOCK_TOLERANCE_MS = 5 * 60_000

/**
 * `networkId 32 || deviceId 32 || peerKey 32 || u48 time || u48 until || signature 64`: the wallet says that a libp2p key
 * speaks for its device for a while.
 */
export const sessionCertificateCoder = P.struct({
  networkId: hash32,
  deviceId: hash32,
  /** Raw Ed25519 public key of the libp2p key. */
  peerKey: hash32,
  /** When it was signed, ms. */
  time: u48,
  /** ms */
  until: u48,
  /** By the record's wallet key, over {@link sessionMessage}. */
  signature: bytes64,
})

export type SessionCertificate = P.UnwrapCoder<typeof sessionCertificateCoder>

export const SESSION_CERTIFICATE_LENGTH = 172
export const sessionCertificateCodec = createCodec<SessionCertificate>(
  'session certificate',
  SESSION_CERTIFICATE_LENGTH,
  sessionCertificateCoder,
)

export function sessionMessage(certificate: Omit<SessionCertificate, 'signature'>): Uint8Array {
  const { networkId, deviceId, peerKey, time, until } = certificate
  return tagged(TAGS.session, networkId, deviceId, peerKey, u48.encode(time), u48.encode(until))
}

export type SessionCode =
  | 'wrong-network'
  | 'session-of-another-peer'
  | 'clock-differs'
  | 'session-ended'
  | 'session-too-long'

/** All of a certificate but its signature and its device's record. */
export function validateSession(
  certificate: SessionCertificate,
  { peerKey, now, networkId }: { readonly peerKey: Uint8Array; readonly now: number; readonly networkId: Uint8Array },
): Verdict<SessionCode> {
  if (!equalBytes(certificate.networkId, networkId))
    return reject('wrong-network', 'This session is certified for another network.')
  if (!equalBytes(certificate.peerKey, peerKey))
    return reject('session-of-another-peer', 'This session is certified for another peer.')
  if (certificate.time - now > SESSION_CLOCK_TOLERANCE_MS)
    return reject('clock-differs', "The device's clock differs by more than 5 minutes; set it.")
  if (certificate.until <= Math.max(now, certificate.time)) return reject('session-ended', 'This session has ended.')
  if (certificate.until - certificate.time > MAX_SESSION_MS)
    return reject('session-too-long', 'A session may run for 24 hours at most.')
  return ACCEPT
}
