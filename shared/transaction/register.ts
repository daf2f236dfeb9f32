import * as P from 'micro-packed'
import { compareBytes, concatBytes, uintToBytes } from '../bytes.ts'
import { bytes64, checked } from '../codec.ts'
import { bytes64Field, fixedStruct, hash32Field, u48Field } from '../fixed-struct.ts'
import { sha256, TAGS, tagged } from '../hash.ts'
import { addressesCoder, assuranceField, labelField } from '../identity/record.ts'
import { ownerSignaturesCoder } from './approval.ts'

export const MAX_ENDORSEMENTS = 4

/** What the newcomer says of itself. */
const claimHead = fixedStruct({
  label: labelField,
  assurance: assuranceField,
  /** Ed25519, first wallet key. */
  walletKey: hash32Field,
  /** Ed25519; it alone can change itself, and it overrides the wallet key. */
  recoveryKey: hash32Field,
  anchor: hash32Field,
  /** Hash of the signed profile (measured lifetime, compute, storage, reachability, power). */
  profile: hash32Field,
})

export type Claim = P.UnwrapCoder<typeof claimHead> & { addresses: string[] }

const claimCoder = P.wrap<Claim>({
  encodeStream(writer, claim) {
    claimHead.encodeStream(writer, claim)
    addressesCoder.encodeStream(writer, claim.addresses)
  },
  decodeStream: (reader) => ({ ...claimHead.decodeStream(reader), addresses: addressesCoder.decodeStream(reader) }),
})

/** A voucher: an active device with a right to vouch lets the holder of a one-time key in. */
export const voucherCoder = fixedStruct({
  issuer: hash32Field,
  voucherKey: hash32Field,
  notAfter: u48Field,
  label: labelField,
  signature: bytes64Field,
})

export type Voucher = P.UnwrapCoder<typeof voucherCoder>

const evidenceCoder = P.mappedTag(P.U8, {
  /** A1: voucher, and the claim signed with its one-time private key. */
  voucher: [1, fixedStruct({ voucher: voucherCoder, claimSignature: bytes64Field })],
  /** A1: the network's owners themselves. */
  owners: [2, ownerSignaturesCoder],
  /** A1: an operator approved this very claim (a pairing code). */
  approval: [
    3,
    fixedStruct({ issuer: hash32Field, evidence: hash32Field, notAfter: u48Field, signature: bytes64Field }),
  ],
  /** A2: a certificate that the endorsers have checked and keep. The issuer is the SHA-256 of the trusted root's DER. */
  certificate: [4, fixedStruct({ issuer: hash32Field, evidence: hash32Field, notAfter: u48Field })],
})

export type Evidence = P.UnwrapCoder<typeof evidenceCoder>

export const endorsementsCoder = checked(
  P.array(P.U8, fixedStruct({ deviceId: hash32Field, signature: bytes64Field })),
  (list) => {
    if (list.length > MAX_ENDORSEMENTS) return `${list.length} endorsements; at most ${MAX_ENDORSEMENTS}`
    const sorted = list.every(
      (entry, i) => i === 0 || compareBytes((list[i - 1] as typeof entry).deviceId, entry.deviceId) < 0,
    )
    return sorted ? undefined : 'endorsements are not sorted, or one is there twice'
  },
)

export const registerCoder = P.struct({
  claim: claimCoder,
  evidence: evidenceCoder,
  endorsements: endorsementsCoder,
  /** By the wallet key, over claim and evidence: it proves possession; endorsements are added after it. */
  walletSignature: bytes64,
})

export type Register = P.UnwrapCoder<typeof registerCoder>

/** Hash of the encoded claim: what voucher holders, owners and operators sign for. 32 bytes. */
export function hashClaim(claim: Claim): Uint8Array {
  return sha256(claimCoder.encode(claim))
}

/** Hash of claim and evidence: what the wallet and the endorsers sign. 32 bytes. */
export function hashApplication(register: Pick<Register, 'claim' | 'evidence'>): Uint8Array {
  return sha256(concatBytes(claimCoder.encode(register.claim), evidenceCoder.encode(register.evidence)))
}

export function voucherMessage(networkId: Uint8Array, voucher: Omit<Voucher, 'signature'>): Uint8Array {
  const { issuer, voucherKey, notAfter, label } = voucher
  return tagged(TAGS.voucher, networkId, issuer, voucherKey, uintToBytes(notAfter, 6), Uint8Array.of(label))
}

export function voucherClaimMessage(networkId: Uint8Array, claim: Claim): Uint8Array {
  return tagged(TAGS.voucherClaim, networkId, hashClaim(claim))
}

export function approvalMessage(
  networkId: Uint8Array,
  claim: Claim,
  approval: { evidence: Uint8Array; notAfter: number },
): Uint8Array {
  return tagged(TAGS.approval, networkId, hashClaim(claim), approval.evidence, uintToBytes(approval.notAfter, 6))
}

export function endorsementMessage(networkId: Uint8Array, applicationHash: Uint8Array): Uint8Array {
  return tagged(TAGS.endorsement, networkId, applicationHash)
}

export function registerWalletMessage(networkId: Uint8Array, applicationHash: Uint8Array): Uint8Array {
  return tagged(TAGS.registration, networkId, applicationHash)
}
