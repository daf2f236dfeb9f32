import { TAGS, taggedHash } from '../hash.ts'

/** Anchor of an identity vouched for: hash of the voucher's one-time public key. 32 bytes. */
export function voucherAnchor(voucherKey: Uint8Array): Uint8Array {
  return taggedHash(TAGS.anchorVoucher, voucherKey)
}

/** Anchor of a certified identity: hash of the certified public key (SubjectPublicKeyInfo, DER). 32 bytes. */
export function certificateAnchor(subjectPublicKeyInfo: Uint8Array): Uint8Array {
  return taggedHash(TAGS.anchorCertificate, subjectPublicKeyInfo)
}

/** Anchor of a device that the network's owners let in themselves: hash of its first wallet key. 32 bytes. */
export function ownerAnchor(walletKey: Uint8Array): Uint8Array {
  return taggedHash(TAGS.anchorOwner, walletKey)
}
