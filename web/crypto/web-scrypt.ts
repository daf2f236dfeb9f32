import { scryptAsync } from '@noble/hashes/scrypt.js'
import { PUZZLE_SCRYPT, type Scrypt } from '../../shared/admission/puzzle.ts'

/** WebCrypto has no scrypt. In slices of some milliseconds, so that the chain is followed meanwhile. */
export const webScrypt: Scrypt = (password, salt) => scryptAsync(password, salt, PUZZLE_SCRYPT)
