import * as P from 'micro-packed'
import { asciiBytes, uintToBytes } from '../bytes.ts'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { TAGS, tagged } from '../hash.ts'
import { PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** By how much the clocks of two full nodes may differ, ms: a request is good for so long before and after its time. */
export const EVIDENCE_REQUEST_WINDOW_MS = 2 * 60_000

/** A full node asks an endorser for the evidence that it keeps. Nobody else is shown a certificate: it names the device. */
export const evidenceRequestCodec = createCodec(
  'evidence request',
  PROTOCOLS.evidence.maxRequest,
  P.struct({
    networkId: hash32,
    /** SHA-256 of the encoded evidence, as the registration states it. */
    evidence: hash32,
    /** ms */
    time: u48,
    /** Of who asks. */
    seat: P.U16BE,
    /** By the seat's sealing key, over {@link evidenceRequestMessage}. */
    signature: bytes64,
  }),
)
export type EvidenceRequest = Extract<ReturnType<typeof evidenceRequestCodec.decode>, { ok: true }>['value']

/** The encoded evidence, or why it is not shown. */
export const evidenceAnswerCodec = createCodec(
  'evidence answer',
  PROTOCOLS.evidence.maxResponse,
  P.mappedTag(P.U8, { shown: [1, P.struct({ evidence: P.bytes(P.U16BE) })], refused: [0, refusalCoder] }),
)

/** The connection that a request is made on: who gets it cannot use it with another endorser, or as another asker. */
export interface EvidenceParties {
  /** libp2p peer ID, as text. */
  readonly asker: string
  readonly asked: string
}

/** What the sealing key signs. */
export function evidenceRequestMessage(
  { networkId, evidence, time, seat }: Omit<EvidenceRequest, 'signature'>,
  { asker, asked }: EvidenceParties,
): Uint8Array {
  const peers = [asker, asked].flatMap((peer) => [uintToBytes(peer.length, 1), asciiBytes(peer)])
  return tagged(TAGS.evidenceRequest, networkId, evidence, u48.encode(time), uintToBytes(seat, 2), ...peers)
}

/** Whether a request is of this time. @param now ms */
export function validateRequestTime(time: number, now: number): Verdict<'request-too-old' | 'request-ahead'> {
  if (time < now - EVIDENCE_REQUEST_WINDOW_MS)
    return reject('request-too-old', 'the request is older than 2 minutes; compare the clocks of both relays')
  return time > now + EVIDENCE_REQUEST_WINDOW_MS
    ? reject('request-ahead', 'the request is more than 2 minutes ahead; compare the clocks of both relays')
    : ACCEPT
}
