import * as P from 'micro-packed'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { sha256, TAGS, tagged, taggedHash } from '../hash.ts'
import { addressesCoder } from '../identity/record.ts'
import { policyCoder } from '../policy/policy.ts'
import { duelProofCoder } from '../session/duel-proof.ts'
import { sessionCertificateCoder } from '../session/session-certificate.ts'
import { approvalCoder, ownerSignaturesCoder } from './approval.ts'
import { KIND } from './kinds.ts'
import { endorsementsCoder, registerCoder } from './register.ts'
import { rosterChangeCoder } from './roster-change.ts'

export const MAX_TRANSACTION_LENGTH = 32 * 1024

/** Signed by the wallet key, or by the recovery key, which overrides it. */
const deviceAuthorityCoder = P.mappedTag(P.U8, { wallet: [1, bytes64], recovery: [2, bytes64] })

export type DeviceAuthority = P.UnwrapCoder<typeof deviceAuthorityCoder>

/** New keys and addresses for a device; its ID stays. */
const rotateContentCoder = P.struct({
  deviceId: hash32,
  /** The record's sequence plus one. */
  sequence: P.U32BE,
  walletKey: hash32,
  /** Changes only when the recovery key signs. */
  recoveryKey: hash32,
  addresses: addressesCoder,
})
const rotateCoder = P.struct({
  rotate: rotateContentCoder,
  authority: deviceAuthorityCoder,
  /** By the new wallet key: nobody rotates to a key they do not have. */
  newKeySignature: bytes64,
})

const retireContentCoder = P.struct({ deviceId: hash32, sequence: P.U32BE })
const retireCoder = P.struct({ retire: retireContentCoder, authority: deviceAuthorityCoder })

/** A coordination node enters or leaves the set. */
export const coordinationContentCoder = P.struct({
  /** Number of the set it makes: the one before plus one. */
  setNumber: P.U32BE,
  action: P.map(P.U8, { add: 1, remove: 2 }),
  deviceId: hash32,
})
const coordinationChangeCoder = P.struct({ change: coordinationContentCoder, approval: approvalCoder })

const policyChangeCoder = P.struct({ policy: policyCoder, signatures: ownerSignaturesCoder })

/** Newer evidence for a device with a certificate, of the same certified key; its ID stays. */
const renewalContentCoder = P.struct({
  deviceId: hash32,
  sequence: P.U32BE,
  /** As a registration states them. */
  issuer: hash32,
  evidence: hash32,
  notAfter: u48,
})
const renewalCoder = P.struct({
  renewal: renewalContentCoder,
  endorsements: endorsementsCoder,
  authority: deviceAuthorityCoder,
})

/** Two statements by the wallet key of one device: a second session's certificate, and the first one's proof against it. */
const incidentContentCoder = P.struct({ claimed: sessionCertificateCoder, proof: duelProofCoder })
const incidentCoder = P.struct({ incident: incidentContentCoder, endorsements: endorsementsCoder })

export const transactionCoder = P.mappedTag(P.U8, {
  register: [KIND.register, registerCoder],
  rosterChange: [KIND.rosterChange, rosterChangeCoder],
  coordinationChange: [KIND.coordinationChange, coordinationChangeCoder],
  rotate: [KIND.rotate, rotateCoder],
  retire: [KIND.retire, retireCoder],
  policy: [KIND.policy, policyChangeCoder],
  evidence: [KIND.evidence, renewalCoder],
  incident: [KIND.incident, incidentCoder],
})

export type Transaction = P.UnwrapCoder<typeof transactionCoder>
export type TransactionOf<Tag extends Transaction['TAG']> = Extract<Transaction, { TAG: Tag }>['data']
export type RotateContent = P.UnwrapCoder<typeof rotateContentCoder>
export type RetireContent = P.UnwrapCoder<typeof retireContentCoder>
export type RenewalContent = P.UnwrapCoder<typeof renewalContentCoder>
export type IncidentContent = P.UnwrapCoder<typeof incidentContentCoder>
export type CoordinationContent = P.UnwrapCoder<typeof coordinationContentCoder>

export const transactionCodec = createCodec<Transaction>('transaction', MAX_TRANSACTION_LENGTH, transactionCoder)

/** H(tag, network ID, transaction bytes). 32 bytes. */
export function transactionIdOf(networkId: Uint8Array, bytes: Uint8Array): Uint8Array {
  return taggedHash(TAGS.transactionId, networkId, bytes)
}

export function rotateMessage(networkId: Uint8Array, content: RotateContent): Uint8Array {
  return tagged(TAGS.rotate, networkId, sha256(rotateContentCoder.encode(content)))
}

export function rotateNewKeyMessage(networkId: Uint8Array, content: RotateContent): Uint8Array {
  return tagged(TAGS.rotateNewKey, networkId, sha256(rotateContentCoder.encode(content)))
}

export function retireMessage(networkId: Uint8Array, content: RetireContent): Uint8Array {
  return tagged(TAGS.retire, networkId, sha256(retireContentCoder.encode(content)))
}

/** What the device signs; endorsements are added after it. */
export function renewalMessage(networkId: Uint8Array, content: RenewalContent): Uint8Array {
  return tagged(TAGS.renewal, networkId, sha256(renewalContentCoder.encode(content)))
}

export function renewalEndorsementMessage(networkId: Uint8Array, content: RenewalContent): Uint8Array {
  return tagged(TAGS.renewalEndorsement, networkId, sha256(renewalContentCoder.encode(content)))
}

/** What a coordination node signs that has seen both statements. */
export function incidentEndorsementMessage(networkId: Uint8Array, content: IncidentContent): Uint8Array {
  return tagged(TAGS.incidentEndorsement, networkId, sha256(incidentContentCoder.encode(content)))
}

/** Hash of a coordination change: what owners sign, and members vote on. It names the set's number, so it is good once. */
export function hashCoordinationContent(content: CoordinationContent): Uint8Array {
  return sha256(coordinationContentCoder.encode(content))
}

export function hashPolicy(policy: TransactionOf<'policy'>['policy']): Uint8Array {
  return sha256(policyCoder.encode(policy))
}
