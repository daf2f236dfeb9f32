import type { CertificateEndorser } from '../../node-relay/coordination/endorse.ts'
import type { Scrypt } from '../../shared/admission/puzzle.ts'
import type { Payment } from '../../shared/admission/quote.ts'
import { concatBytes, ZERO_HASH } from '../../shared/bytes.ts'
import { ACCEPT, accept } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'

/** Where the price is not what is tested. */
export const NOTHING_TO_PAY: CertificateEndorser['prices'] = {
  check: () => accept(undefined),
  settle: async () => ACCEPT,
}

/** In the place of scrypt, where it is not what is tested. */
export const quickScrypt: Scrypt = async (password, salt) => sha256(concatBytes(password, salt))

/** What is handed in where nothing is asked for. */
export const NO_PAYMENT: Payment = {
  quote: { endorser: ZERO_HASH, expires: 0, iterations: 0, salt: new Uint8Array(16), mac: ZERO_HASH },
  counter: 0,
}
