import { bytesToUint } from '../bytes.ts'

/** Largest 256-bit number: the target that every hash meets. */
const MAX_UINT256 = (1n << 256n) - 1n

/**
 * Compact form of a 256-bit target as in Bitcoin's nBits: one exponent byte, three mantissa bytes, target =
 * mantissa * 256^(exponent - 3). Only the canonical form is valid: positive, mantissa's sign bit clear and its top byte
 * set where the number allows. Returns undefined for any other.
 */
export function expandTarget(compact: number): bigint | undefined {
  const exponent = compact >>> 24
  const mantissa = compact & 0xffffff
  if (mantissa === 0 || mantissa > 0x7fffff || exponent > 32) return undefined
  const target =
    exponent >= 3 ? BigInt(mantissa) << BigInt(8 * (exponent - 3)) : BigInt(mantissa >>> (8 * (3 - exponent)))
  if (target === 0n || target > MAX_UINT256 || compactTarget(target) !== compact) return undefined
  return target
}

/** Canonical compact form of a target, rounded down to what three mantissa bytes can say. */
export function compactTarget(target: bigint): number {
  let exponent = target === 0n ? 0 : (target.toString(16).length + 1) >> 1
  let mantissa =
    exponent >= 3 ? Number(target >> BigInt(8 * (exponent - 3))) : Number(target << BigInt(8 * (3 - exponent)))
  if (mantissa > 0x7fffff) {
    mantissa >>>= 8
    exponent++
  }
  return exponent * 0x1000000 + mantissa
}

/** Expected number of hashes to meet the target: floor(2^256 / (target + 1)). */
export function workOfTarget(target: bigint): bigint {
  return (1n << 256n) / (target + 1n)
}

/** Whether a header hash, read as a big endian number, is at most the target. */
export function meetsTarget(headerHash: Uint8Array, target: bigint): boolean {
  return bytesToUint(headerHash) <= target
}
