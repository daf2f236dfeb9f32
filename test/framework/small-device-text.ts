/** The texts of the small-device profile, for a device with a display or a camera: bech32m as in BIP 350, and no import. */
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
const BECH32M = 0x2bc830a3

function polymod(values: readonly number[]): number {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    GENERATOR.forEach((generator, bit) => {
      if ((top >>> bit) & 1) sum ^= generator
    })
  }
  return sum >>> 0
}

const expand = (prefix: string) => [
  ...[...prefix].map((letter) => letter.charCodeAt(0) >> 5),
  0,
  ...[...prefix].map((letter) => letter.charCodeAt(0) & 31),
]

/** Upper-case bech32m. */
export function textOf(prefix: string, ...parts: readonly Uint8Array[]): string {
  const bits = [...Buffer.concat(parts)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const words = (bits.match(/.{1,5}/g) ?? []).map((group) => Number.parseInt(group.padEnd(5, '0'), 2))
  const sum = polymod([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ BECH32M
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31)
  return `${prefix}1${[...words, ...checksum].map((word) => ALPHABET[word]).join('')}`.toUpperCase()
}

/** @throws when it has another prefix or a wrong checksum */
export function bytesOfText(prefix: string, text: string): Buffer {
  const lower = text.trim().toLowerCase()
  const words = [...lower.slice(prefix.length + 1)].map((letter) => ALPHABET.indexOf(letter))
  if (!lower.startsWith(`${prefix}1`) || words.includes(-1)) throw new Error(`not a text with the prefix ${prefix}`)
  if (polymod([...expand(prefix), ...words]) !== BECH32M) throw new Error('a character is wrong or missing')
  const bits = words.slice(0, -6).map((word) => word.toString(2).padStart(5, '0'))
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}
