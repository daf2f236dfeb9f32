import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isSolution, type Scrypt, tryPuzzle } from '../../shared/admission/puzzle.ts'
import { type Payment, type Quote, quoteCodec } from '../../shared/admission/quote.ts'
import { concatBytes, equalBytes, toHex } from '../../shared/bytes.ts'
import { ACCEPT, accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import { TAGS, tagged } from '../../shared/hash.ts'

/** How long a quote stands: on a phone, the dearest puzzle takes minutes. ms */
export const QUOTE_MS = 15 * 60_000
/** Puzzles that wait to be checked, the one under way with them: a second and a half at most. */
export const MAX_CHECKS = 32
/** Solutions remembered until their quotes expire: to find a place for one more costs a checked certificate each. */
export const MAX_USED = 16_384
const SALT_LENGTH = 16

/** Whom a quote is for. */
export interface Newcomer {
  readonly walletKey: Uint8Array
  /** How it comes in: of the sponsor, or of the root. */
  readonly issuer: Uint8Array
  readonly anchor: Uint8Array
}

export type PaymentCode =
  | 'price-not-paid'
  | 'nonce-of-another-node'
  | 'nonce-expired'
  | 'wrong-nonce'
  | 'price-changed'
  | 'puzzle-used'
  | 'puzzle-too-weak'
  | 'busy'

export interface PuzzleDesk {
  quote(newcomer: Newcomer, iterations: number): Quote
  /** All that costs nothing. @returns what is to be settled; undefined when the price is nothing */
  check(payments: readonly Payment[], newcomer: Newcomer, price: number): Result<Payment | undefined, PaymentCode>
  /** The dear part, of what was checked: one at a time. Good once. */
  settle(payment: Payment, newcomer: Newcomer): Promise<Verdict<PaymentCode>>
}

export interface PuzzleDeskInit {
  readonly networkId: Uint8Array
  /** Device ID of this node. */
  deviceId(): Uint8Array
  readonly now: () => number
  readonly scrypt: Scrypt
}

/**
 * Asks for puzzles and checks what was solved. A quote is kept nowhere: a flood of asks fills nothing. The key of its MAC is
 * made anew at each start, so quotes from before are void, and with them the need to remember which were used.
 */
export function createPuzzleDesk({ networkId, deviceId, now, scrypt }: PuzzleDeskInit): PuzzleDesk {
  const key = randomBytes(32)
  /** When each expires, by MAC; in the order in which they came. */
  const used = new Map<string, number>()
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()

  function macOf({ endorser, expires, iterations, salt }: Omit<Quote, 'mac'>, newcomer: Newcomer): Uint8Array {
    const head = quoteCodec.encode({ endorser, expires, iterations, salt, mac: new Uint8Array(32) })
    const { walletKey, issuer, anchor } = newcomer
    return createHmac('sha256', key)
      .update(tagged(TAGS.joinQuote, networkId, concatBytes(walletKey, issuer, anchor), head))
      .digest()
  }

  function forget(): void {
    for (const [mac, expires] of used) if (expires <= now()) used.delete(mac)
  }

  return {
    quote(newcomer, iterations) {
      const head = { endorser: deviceId(), expires: now() + QUOTE_MS, iterations, salt: randomBytes(SALT_LENGTH) }
      return { ...head, mac: macOf(head, newcomer) }
    },
    check(payments, newcomer, price) {
      if (price === 0) return accept(undefined)
      if (payments.length === 0)
        return reject('price-not-paid', 'this join has a price: ask for it, and solve its puzzle')
      const payment = payments.find(({ quote }) => equalBytes(quote.endorser, deviceId()))
      if (payment === undefined) return reject('nonce-of-another-node', 'the puzzle was set by another node')
      const { quote } = payment
      if (quote.expires <= now()) return reject('nonce-expired', 'the price was asked for too long ago; ask again')
      if (!timingSafeEqual(quote.mac, macOf(quote, newcomer)))
        return reject(
          'wrong-nonce',
          'this price was asked by somebody else, or before this node was started; ask again',
        )
      // A quote stands while others come in, but not all those together that were given out at the old price.
      if (price > 2 * quote.iterations)
        return reject('price-changed', 'the price has more than doubled meanwhile; ask again')
      if (used.has(toHex(quote.mac))) return reject('puzzle-used', 'this puzzle has paid for a join already; ask again')
      return accept(payment)
    },
    async settle({ quote, counter }, { walletKey }) {
      if (waiting >= MAX_CHECKS) return reject('busy', 'many newcomers are being checked; try again in a moment')
      waiting++
      try {
        const subject = { networkId, walletKey, quote: quoteCodec.encode(quote) }
        const output = turn.then(() => tryPuzzle(subject, counter, scrypt))
        turn = output.catch(() => undefined)
        if (!isSolution(await output, quote.iterations))
          return reject('puzzle-too-weak', 'the puzzle is not solved for this price')
        // Looked at again, since another with the same may have waited beside this one.
        const mac = toHex(quote.mac)
        if (used.has(mac)) return reject('puzzle-used', 'this puzzle has paid for a join already; ask again')
        if (used.size >= MAX_USED) forget()
        if (used.size >= MAX_USED) return reject('busy', 'many have joined just now; try again in some minutes')
        used.set(mac, quote.expires)
        return ACCEPT
      } finally {
        waiting--
      }
    },
  }
}
