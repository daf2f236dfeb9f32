import { hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, deriveSeed, encodeRecoveryWords } from '../../../shared/crypto/recovery-words.ts'

/** From the BIP-39 reference vectors (English, 128 bits). */
const VECTORS = [
  ['00'.repeat(16), `${'abandon '.repeat(11)}about`],
  ['7f'.repeat(16), 'legal winner thank year wave sausage worth useful legal winner thank yellow'],
  ['9e885d952ad362caeb4efe34a8e91bd2', 'ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic'],
] as const

function decode(text: string) {
  return decodeRecoveryWords(text, RECOVERY_WORDLIST)
}

describe('recovery words', () => {
  test.each(VECTORS)('BIP-39 vector %s', (entropy, words) => {
    expect(encodeRecoveryWords(fromHex(entropy), RECOVERY_WORDLIST)).toBe(words)
    expect(decode(words)).toEqual({ ok: true, value: fromHex(entropy) })
  })

  test('what is encoded decodes, however it is typed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (entropy) => {
        const words = encodeRecoveryWords(entropy, RECOVERY_WORDLIST)
        expect(decode(`  ${words.toUpperCase().replaceAll(' ', '\n\t ')} `)).toEqual({ ok: true, value: entropy })
      }),
    )
  })

  test('an unknown word is named with its place', () => {
    const result = decode(VECTORS[1][1].replace('year', 'yaer'))
    expect(result).toMatchObject({ ok: false, code: 'bad-words', detail: expect.stringContaining('word 4, "yaer"') })
  })

  test('too few, too many and no words are refused', () => {
    for (const text of ['', 'abandon', `${VECTORS[0][1]} about`])
      expect(decode(text)).toMatchObject({ ok: false, code: 'bad-words' })
  })

  test('known words that do not fit together are refused', () => {
    expect(decode('abandon '.repeat(12))).toMatchObject({ ok: false, code: 'bad-checksum' })
    expect(decode(VECTORS[1][1].replace('legal winner', 'winner legal'))).toMatchObject({
      ok: false,
      code: 'bad-checksum',
    })
  })

  test('the seed is HKDF-SHA-256 of the entropy under the purpose', () => {
    const entropy = fromHex(VECTORS[2][0])
    for (const purpose of ['recovery', 'owner'] as const) {
      const expected = hkdfSync('sha256', entropy, new Uint8Array(0), `lares/${purpose}/1`, 32)
      expect(deriveSeed(entropy, purpose)).toEqual(new Uint8Array(expected))
    }
    expect(deriveSeed(entropy, 'recovery')).not.toEqual(deriveSeed(entropy, 'owner'))
  })

  test('entropy of another length is a fault of the caller', () => {
    const expected = expect.objectContaining({ code: 'bad-entropy' })
    expect(() => encodeRecoveryWords(new Uint8Array(32), RECOVERY_WORDLIST)).toThrow(expected)
    expect(() => deriveSeed(new Uint8Array(15), 'owner')).toThrow(expected)
  })
})
