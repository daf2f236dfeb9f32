import { createCodec } from '../codec.ts'
import { bytesField, fixedStruct, hash32Field, u48Field } from '../fixed-struct.ts'

/** `id endorser || u48 expires || u48 iterations || 16 salt || hash mac` (PROTOCOL.md section 4). */
export const QUOTE_LENGTH = 32 + 6 + 6 + 16 + 32

/**
 * The nonce of a puzzle, and what is to be paid for it. Its maker keeps nothing: by the MAC it knows its own quote again, and
 * that it was made for this newcomer.
 */
const quoteCoder = fixedStruct({
  /** Device ID of the coordination node that asks this price. It counts with no other. */
  endorser: hash32Field,
  /** ms since the Unix epoch */
  expires: u48Field,
  /** 0: nothing is to be paid. */
  iterations: u48Field,
  salt: bytesField(16),
  /** By a key that nobody else has. */
  mac: hash32Field,
})

export const quoteCodec = createCodec('quote', QUOTE_LENGTH, quoteCoder)
export type Quote = Extract<ReturnType<typeof quoteCodec.decode>, { ok: true }>['value']

/** A quote and the counter that solves its puzzle. */
export const paymentCoder = fixedStruct({ quote: quoteCoder, counter: u48Field })
export type Payment = ReturnType<typeof paymentCoder.read>
