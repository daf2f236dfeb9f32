import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { asciiBytes } from '../bytes.ts'
import { accept, LaresError, type Result, reject } from '../errors.ts'

/** Bytes behind the words: 128 bits. */
export const RECOVERY_ENTROPY_LENGTH = 16
/** 128 bits of entropy and 4 of checksum, 11 bits a word (BIP-39). */
export const RECOVERY_WORD_COUNT = 12

/** HKDF info strings: the same words give unrelated keys for unrelated uses. */
export const SEED_INFO = {
  /** A wallet's recovery key. */
  recovery: 'lares/recovery/1',
  /** An owner key of a network. */
  owner: 'lares/owner/1',
} as const

export type SeedPurpose = keyof typeof SEED_INFO

/** `bad-words`: not twelve, or one is not in the list (`detail` names it). `bad-checksum`: all known, but not a set. */
export type RecoveryWordsCode = 'bad-words' | 'bad-checksum'

function assertEntropy(entropy: Uint8Array): void {
  if (entropy.length !== RECOVERY_ENTROPY_LENGTH)
    throw new LaresError('bad-entropy', `recovery words stand for 16 bytes, these are ${entropy.length}`)
}

/**
 * 16 bytes → 12 words (BIP-39), separated by single spaces.
 *
 * @param wordlist RECOVERY_WORDLIST, loaded when needed
 * @throws {LaresError} `bad-entropy` on any other length: a fault of the caller
 */
export function encodeRecoveryWords(entropy: Uint8Array, wordlist: readonly string[]): string {
  assertEntropy(entropy)
  return entropyToMnemonic(entropy, wordlist as string[])
}

/** A pasted text without spaces is not shown whole. Characters. */
const SHOWN_OF_A_WORD = 24

/** 12 words as a person types them (any case, any white space) → 16 bytes. */
export function decodeRecoveryWords(text: string, wordlist: readonly string[]): Result<Uint8Array, RecoveryWordsCode> {
  const words = text.normalize('NFKD').toLowerCase().split(/\s+/u).filter(Boolean)
  if (words.length !== RECOVERY_WORD_COUNT)
    return reject('bad-words', `${RECOVERY_WORD_COUNT} words are needed, these are ${words.length}`)
  const unknown = words.findIndex((word) => !wordlist.includes(word))
  if (unknown !== -1)
    return reject(
      'bad-words',
      `word ${unknown + 1}, "${words[unknown]?.slice(0, SHOWN_OF_A_WORD)}", is not in the list`,
    )
  try {
    return accept(mnemonicToEntropy(words.join(' '), wordlist as string[]))
  } catch {
    // Count and words were checked above: what is left is the checksum.
    return reject('bad-checksum', 'every word is known, but together they do not fit: one is wrong or out of place')
  }
}

/**
 * Ed25519 seed of recovery words: HKDF-SHA-256 (RFC 5869) over the 16 bytes, no salt, info by purpose. 32 bytes.
 * BIP-39's slow PBKDF2 is not used: 128 random bits need no stretching, and there is no passphrase.
 *
 * @throws {LaresError} `bad-entropy` on any length but 16
 */
export function deriveSeed(entropy: Uint8Array, purpose: SeedPurpose): Uint8Array {
  assertEntropy(entropy)
  return hkdf(sha256, entropy, undefined, asciiBytes(SEED_INFO[purpose]), 32)
}
