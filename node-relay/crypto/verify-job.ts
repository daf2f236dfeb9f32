import type { SignatureCheck } from '../../shared/crypto/signature-verifier.ts'

/** Contract between the verifier and its worker threads: types and the layout of a chunk. */

export interface VerifyJob {
  readonly id: number
  /** See {@link packChecks}. */
  readonly packed: Uint8Array<ArrayBuffer>
}

export interface VerifyAnswer {
  readonly id: number
  /** One byte a check, in order: 1 when it holds. */
  readonly verdicts: Uint8Array<ArrayBuffer>
}

const KEY_LENGTH = 32
const SIGNATURE_LENGTH = 64
const FIXED_LENGTH = KEY_LENGTH + SIGNATURE_LENGTH + 4

/** Only what has these lengths can be packed; anything else is false already. */
export function isPackable({ publicKey, signature }: SignatureCheck): boolean {
  return publicKey.length === KEY_LENGTH && signature.length === SIGNATURE_LENGTH
}

/** `(public key 32 || signature 64 || u32 length || message)*` in one buffer that can be handed over. */
export function packChecks(checks: readonly SignatureCheck[]): Uint8Array<ArrayBuffer> {
  const length = checks.reduce((sum, { message }) => sum + FIXED_LENGTH + message.length, 0)
  const packed = new Uint8Array(length)
  const view = new DataView(packed.buffer)
  let at = 0
  for (const { publicKey, signature, message } of checks) {
    packed.set(publicKey, at)
    packed.set(signature, at + KEY_LENGTH)
    view.setUint32(at + KEY_LENGTH + SIGNATURE_LENGTH, message.length)
    packed.set(message, at + FIXED_LENGTH)
    at += FIXED_LENGTH + message.length
  }
  return packed
}

/** What {@link packChecks} packed, as views into it. */
export function unpackChecks(packed: Uint8Array): SignatureCheck[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const checks: SignatureCheck[] = []
  for (let at = 0; at < packed.length; ) {
    const messageAt = at + FIXED_LENGTH
    const end = messageAt + view.getUint32(at + KEY_LENGTH + SIGNATURE_LENGTH)
    checks.push({
      publicKey: packed.subarray(at, at + KEY_LENGTH),
      signature: packed.subarray(at + KEY_LENGTH, at + KEY_LENGTH + SIGNATURE_LENGTH),
      message: packed.subarray(messageAt, end),
    })
    at = end
  }
  return checks
}
