import { base64urlnopad } from '@scure/base'
import type { UnwrapCoder } from 'micro-packed'
import { concatBytes, equalBytes } from '../bytes.ts'
import { createCodec } from '../codec.ts'
import { createSeedSigner } from '../crypto/signer.ts'
import { accept, type Result, reject } from '../errors.ts'
import { bytes64Field, fixedStruct, hash32Field, oneOfField, u8Field, u48Field } from '../fixed-struct.ts'
import { sha256 } from '../hash.ts'
import { labelField } from '../identity/record.ts'
import type { Voucher } from '../transaction/register.ts'
import { decodeBase64Url, MAX_LINK_TEXT, readFragment } from './join-link.ts'

/** Tells a slip of the finger from a voucher that somebody altered. Bytes. */
const CHECKSUM_LENGTH = 4

/**
 * A voucher as it is handed over, with its one-time private key. Whoever has it can use it once; on the chain only its
 * public half appears. `u8 version || networkId 32 || seed 32 || issuer 32 || u48 notAfter || u8 label || signature 64`
 */
const voucherSecretCoder = fixedStruct({
  version: oneOfField('voucher version', u8Field, (version) => version === 1),
  networkId: hash32Field,
  /** Seed of the one-time Ed25519 key (RFC 8032's private key). */
  seed: hash32Field,
  /** Device ID of who vouches. */
  issuer: hash32Field,
  /** Last header time at which it counts, ms. */
  notAfter: u48Field,
  /** The label it is good for. */
  label: labelField,
  /** By the issuer's wallet key, over the voucher message. */
  signature: bytes64Field,
})

export type VoucherSecret = UnwrapCoder<typeof voucherSecretCoder>

export const voucherSecretCodec = createCodec<VoucherSecret>('voucher', 168, voucherSecretCoder)

export type VoucherTextCode = 'malformed-voucher' | 'wrong-network'

/** What follows `#voucher=`, and what is typed: base64url of the voucher and the first 4 bytes of its SHA-256. */
export function formatVoucher(secret: VoucherSecret): string {
  const bytes = voucherSecretCodec.encode(secret)
  return base64urlnopad.encode(concatBytes(bytes, checksum(bytes)))
}

/**
 * Reads a URL with `voucher=` in its fragment, or the bare text, with white space anywhere.
 *
 * @param networkId the network it must be for; undefined takes any
 */
export function parseVoucher(text: string, networkId?: Uint8Array): Result<VoucherSecret, VoucherTextCode> {
  const wrong = (detail: string) => reject('malformed-voucher' as const, detail)
  if (text.length > MAX_LINK_TEXT) return wrong('the text is too long')
  const fields = readFragment(text)
  // A bare text has no field names, and is handed back as the one thing it may be.
  const body = fields.get('voucher') ?? (/[#&=]/.test(text) ? undefined : fields.get('join'))
  const bytes = body === undefined ? undefined : decodeBase64Url(body)
  if (bytes === undefined) return wrong('there is no voucher in this text')
  const content = bytes.subarray(0, -CHECKSUM_LENGTH)
  if (!equalBytes(checksum(content), bytes.subarray(-CHECKSUM_LENGTH))) return wrong('a character is wrong or missing')
  const secret = voucherSecretCodec.decode(content)
  if (!secret.ok) return wrong(secret.detail)
  if (networkId !== undefined && !equalBytes(secret.value.networkId, networkId))
    return reject('wrong-network', 'the voucher is for another network')
  return accept(secret.value)
}

/** The public half: what goes into a register transaction. */
export function publicVoucher({ seed, issuer, notAfter, label, signature }: VoucherSecret): Voucher {
  return { issuer, voucherKey: createSeedSigner(seed).publicKey, notAfter, label, signature }
}

function checksum(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).subarray(0, CHECKSUM_LENGTH)
}
