/** What `npm run soak -- fuzz` has found in decoders, kept. */
import * as P from 'micro-packed'
import { expect, it } from 'vitest'
import { concatBytes } from '../../shared/bytes.ts'
import { createCodec } from '../../shared/codec.ts'
import { RECOVERY_WORDLIST } from '../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords } from '../../shared/crypto/recovery-words.ts'

const LENGTH = 100_000
const codec = createCodec('pair', LENGTH, P.struct({ a: P.U8, b: P.U8 }))

it('bytes left over are refused in a few words, not spelled out: a sender must not fill a log', () => {
  const outcome = codec.decode(concatBytes(Uint8Array.of(1, 2), new Uint8Array(LENGTH - 2)))
  expect(outcome).toMatchObject({ ok: false, code: 'malformed' })
  expect(outcome.ok ? '' : outcome.detail.length).toBeLessThan(300)
  expect(codec.decode(Uint8Array.of(1, 2))).toEqual({ ok: true, value: { a: 1, b: 2 } })
  expect(codec.decode(Uint8Array.of(1, 2, 3))).toMatchObject({ ok: false, code: 'malformed' })
})

it('nor is a long text of a checker', () => {
  const wordy = createCodec(
    'wordy',
    4,
    P.validate(P.U8, () => {
      throw new Error('x'.repeat(LENGTH))
    }),
  )
  const outcome = wordy.decode(Uint8Array.of(1))
  expect(outcome.ok ? '' : outcome.detail.length).toBeLessThan(300)
})

it('a text that is no list of words is not said back whole', () => {
  const words = decodeRecoveryWords(`${'x'.repeat(LENGTH)} ${'zoo '.repeat(11)}`, RECOVERY_WORDLIST)
  expect(words).toMatchObject({ ok: false, code: 'bad-words' })
  expect(words.ok ? '' : words.detail.length).toBeLessThan(100)
})
