/** What a newcomer hands in for its price: what is good counts once; everything else is refused with its code. */
import { beforeEach, expect, it } from 'vitest'
import {
  createPuzzleDesk,
  MAX_CHECKS,
  MAX_USED,
  type Newcomer,
  type PuzzleDesk,
  QUOTE_MS,
} from '../../../node-relay/coordination/puzzle-desk.ts'
import { isSolution, type Scrypt, solvePuzzle, tryPuzzle } from '../../../shared/admission/puzzle.ts'
import { type Payment, type Quote, quoteCodec } from '../../../shared/admission/quote.ts'
import { accept } from '../../../shared/errors.ts'
import { quickScrypt } from '../../framework/join-prices.ts'

const networkId = new Uint8Array(32).fill(1)
const bytes = (fill: number) => new Uint8Array(32).fill(fill)
const newcomer: Newcomer = { walletKey: bytes(2), issuer: bytes(3), anchor: bytes(4) }
const other: Newcomer = { ...newcomer, walletKey: bytes(9) }
const PRICE = 8
let now: number
let desk: PuzzleDesk
let scrypt: Scrypt

const open = (id = bytes(5)) =>
  createPuzzleDesk({
    ...{ networkId, deviceId: () => id, now: () => now },
    scrypt: (password, salt) => scrypt(password, salt),
  })

beforeEach(() => {
  now = 1_700_000_000_000
  scrypt = quickScrypt
  desk = open()
})

const subjectOf = (quote: Quote, { walletKey } = newcomer) => ({
  ...{ networkId, walletKey, quote: quoteCodec.encode(quote) },
})
async function paid(quote = desk.quote(newcomer, PRICE), who = newcomer): Promise<Payment> {
  return { quote, counter: await solvePuzzle(subjectOf(quote, who), quote.iterations, quickScrypt) }
}
/** A counter that solves nothing. */
async function unsolved(quote: Quote): Promise<Payment> {
  for (let counter = 0; ; counter++)
    if (!isSolution(await tryPuzzle(subjectOf(quote), counter, quickScrypt), quote.iterations))
      return { quote, counter }
}
async function codeOf(payments: readonly Payment[], who = newcomer, price = PRICE): Promise<string> {
  const checked = desk.check(payments, who, price)
  if (!checked.ok) return checked.code
  if (checked.value === undefined) return 'free'
  const settled = await desk.settle(checked.value, who)
  return settled.ok ? 'paid' : settled.code
}

it('counts once, and never again', async () => {
  const payment = await paid()
  expect(await codeOf([payment])).toBe('paid')
  expect(await codeOf([payment])).toBe('puzzle-used')
  expect(await codeOf([await paid()])).toBe('paid')
})

it('counts once for two that come at the same time', async () => {
  const payment = await paid()
  expect((await Promise.all([codeOf([payment]), codeOf([payment])])).sort()).toEqual(['paid', 'puzzle-used'])
})

it('is refused when it is too weak, for another nonce, or for another newcomer', async () => {
  const quote = desk.quote(newcomer, PRICE)
  expect(await codeOf([await unsolved(quote)])).toBe('puzzle-too-weak')
  // What solves another nonce solves this one by chance alone: one is looked for that does not.
  let stranger = await paid()
  while (isSolution(await tryPuzzle(subjectOf(quote), stranger.counter, quickScrypt), PRICE)) stranger = await paid()
  expect(await codeOf([{ ...stranger, quote }])).toBe('puzzle-too-weak')
  expect(await codeOf([await paid(quote, other)], other)).toBe('wrong-nonce')
  for (const change of [{ issuer: bytes(8) }, { anchor: bytes(8) }])
    expect(await codeOf([await paid(quote)], { ...newcomer, ...change })).toBe('wrong-nonce')
  expect(await codeOf([await paid(quote)])).toBe('paid')
})

it('is refused when anything in it was changed', async () => {
  const quote = desk.quote(newcomer, PRICE)
  for (const change of [
    { iterations: 4 },
    { expires: quote.expires + 1 },
    { salt: new Uint8Array(16) },
    { mac: bytes(0) },
  ])
    expect(await codeOf([await paid({ ...quote, ...change })])).toBe('wrong-nonce')
})

it('is refused once it has expired, by another node, and after a new start', async () => {
  const payment = await paid()
  const there = open(bytes(6)).quote(newcomer, PRICE)
  expect(await codeOf([await paid(there)])).toBe('nonce-of-another-node')
  // Its own is found among those for others.
  expect(await codeOf([await paid(there), await paid()])).toBe('paid')
  now += QUOTE_MS - 1
  expect(desk.check([payment], newcomer, PRICE)).toEqual(accept(payment))
  now += 1
  expect(await codeOf([payment])).toBe('nonce-expired')
  const before = await paid()
  desk = open()
  expect(await codeOf([before])).toBe('wrong-nonce')
})

it('is wanted where there is a price, and stands until that has more than doubled', async () => {
  expect(await codeOf([])).toBe('price-not-paid')
  expect(await codeOf([], newcomer, 0)).toBe('free')
  const payment = await paid()
  expect(await codeOf([payment], newcomer, 2 * PRICE + 1)).toBe('price-changed')
  expect(await codeOf([payment], newcomer, 2 * PRICE)).toBe('paid')
})

it('is computed one at a time, and only so many wait', async () => {
  let underWay = 0
  let most = 0
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  scrypt = async (...input) => {
    most = Math.max(most, ++underWay)
    await gate
    underWay--
    return await quickScrypt(...input)
  }
  const payments = await Promise.all(Array.from({ length: MAX_CHECKS }, () => paid()))
  const answers = payments.map((payment) => codeOf([payment]))
  expect(await codeOf([await paid()])).toBe('busy')
  open()
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['paid']))
  expect(most).toBe(1)
  expect(await codeOf([await paid()])).toBe('paid')
})

it('does not stop when one computation fails', async () => {
  scrypt = () => Promise.reject(new Error('out of memory'))
  await expect(codeOf([await paid()])).rejects.toThrow('out of memory')
  scrypt = quickScrypt
  expect(await codeOf([await paid()])).toBe('paid')
})

it('remembers so many, then lets nobody pay until some have expired', async () => {
  for (let i = 0; i < MAX_USED; i++) {
    const quote = desk.quote(newcomer, 1)
    await desk.settle({ quote, counter: 0 }, newcomer)
  }
  const waits = await paid()
  expect(await codeOf([waits])).toBe('busy')
  now += QUOTE_MS
  expect(await codeOf([await paid()])).toBe('paid')
})
