import { beforeEach, describe, expect, it } from 'vitest'
import {
  CHALLENGE_LIFETIME_MS,
  type ChallengeDesk,
  createChallengeDesk,
  MAX_CHALLENGES_PER_ASKER,
  MAX_CHALLENGES_PER_ASKER_AND_DEVICE,
  MAX_CHALLENGES_PER_DEVICE,
} from '../../../node-relay/devices/challenge-desk.ts'
import { uintToBytes } from '../../../shared/bytes.ts'

const bytes = (number: number) => uintToBytes(number, 32)
const [DEVICE, OTHER] = [bytes(1), bytes(2)]
let now: number
let desk: ChallengeDesk

beforeEach(() => {
  now = 1_000
  desk = createChallengeDesk({ now: () => now })
})

const answerTo = (nonce: Uint8Array, deviceId = DEVICE) => ({
  networkId: bytes(0),
  deviceId,
  nonce,
  time: now,
  signature: new Uint8Array(64),
})
const code = (outcome: { ok: boolean; code?: string }) => (outcome.ok ? 'good' : outcome.code)

describe('a challenge', () => {
  it('waits for its device, the oldest first, and is answered once', () => {
    for (const nonce of [11, 12]) expect(code(desk.open(DEVICE, bytes(nonce), 'a'))).toBe('good')
    expect(code(desk.open(OTHER, bytes(13), 'a'))).toBe('good')
    expect(desk.pendingOf(DEVICE).map(({ nonce }) => nonce)).toEqual([bytes(11), bytes(12)])
    expect(code(desk.settle(answerTo(bytes(13))))).toBe('unknown-challenge')
    expect(code(desk.settle(answerTo(bytes(99))))).toBe('unknown-challenge')
    expect(code(desk.settle(answerTo(bytes(11))))).toBe('good')
    expect(code(desk.settle(answerTo(bytes(11))))).toBe('already-answered')
    expect(desk.pendingOf(DEVICE).map(({ nonce }) => nonce)).toEqual([bytes(12)])
    expect(desk.find(bytes(11))?.answer?.time).toBe(now)
  })

  it('asked twice is one, and its nonce is good for one device', () => {
    const first = desk.open(DEVICE, bytes(11), 'a')
    now += 5
    expect(desk.open(DEVICE, bytes(11), 'b')).toEqual(first)
    expect([desk.size, code(desk.open(OTHER, bytes(11), 'a'))]).toEqual([1, 'nonce-used'])
  })

  it('is over after its time, answered or not', () => {
    desk.open(DEVICE, bytes(11), 'a')
    desk.settle(answerTo(bytes(11)))
    desk.open(DEVICE, bytes(12), 'a')
    now += CHALLENGE_LIFETIME_MS - 1
    expect(desk.find(bytes(11))?.answer).toBeDefined()
    now += 1
    expect([desk.size, desk.find(bytes(11)), desk.pendingOf(DEVICE)]).toEqual([0, undefined, []])
    expect(code(desk.settle(answerTo(bytes(12))))).toBe('unknown-challenge')
  })
})

describe('room', () => {
  let next = 100
  const ask = (asker: string, device = DEVICE) => code(desk.open(device, bytes(next++), asker))

  it('of one asker at one device comes back when it answers', () => {
    for (let i = 0; i < MAX_CHALLENGES_PER_ASKER_AND_DEVICE; i++) expect(ask('a')).toBe('good')
    expect([ask('a'), ask('b'), ask('a', OTHER)]).toEqual(['device-busy', 'good', 'good'])
    const [oldest] = desk.pendingOf(DEVICE)
    desk.settle(answerTo(oldest?.nonce as Uint8Array))
    expect([ask('a'), ask('a')]).toEqual(['good', 'device-busy'])
  })

  it('of one device ends, whoever asks', () => {
    for (let i = 0; i < MAX_CHALLENGES_PER_DEVICE; i++) expect(ask(`asker ${i}`)).toBe('good')
    expect([ask('one more'), ask('one more', OTHER)]).toEqual(['device-busy', 'good'])
  })

  it('of one asker ends, whatever it asks, and that of all', () => {
    for (let i = 0; i < MAX_CHALLENGES_PER_ASKER; i++) expect(ask('a', bytes(1_000 + i))).toBe('good')
    expect([ask('a', OTHER), ask('b', OTHER)]).toEqual(['asker-busy', 'good'])
    desk = createChallengeDesk({ now: () => now, limit: 2 })
    expect([ask('a'), ask('b', OTHER), ask('c', bytes(3))]).toEqual(['good', 'good', 'desk-full'])
    now += CHALLENGE_LIFETIME_MS
    expect(ask('c', bytes(3))).toBe('good')
  })
})
