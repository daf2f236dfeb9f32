import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrameReader, encodeFrame, REFUSAL_FRAME } from '../../../shared/transport/frame.ts'

function feed(bytes: Uint8Array, cuts: number[], maxLength: number) {
  const reader = createFrameReader(maxLength)
  let offset = 0
  for (const cut of [...cuts, bytes.length]) {
    const outcome = reader.push(bytes.subarray(offset, offset + cut))
    offset += cut
    if (outcome !== undefined || offset >= bytes.length) return outcome
  }
  return undefined
}

describe('frames', () => {
  it('survive any cutting into chunks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.integer({ min: 0, max: 50 })), (payload, cuts) => {
        expect(feed(encodeFrame(payload), cuts, 300)).toEqual({ ok: true, value: payload })
      }),
    )
  })

  it('take a payload of exactly the limit and refuse one byte more on the length alone', () => {
    expect(feed(encodeFrame(new Uint8Array(8)), [], 8)).toMatchObject({ ok: true })
    expect(createFrameReader(8).push(Uint8Array.of(0, 0, 0, 9))).toMatchObject({ ok: false, code: 'too-long' })
    expect(createFrameReader(8).push(Uint8Array.of(0xff, 0xff, 0xff, 0xfe))).toMatchObject({ code: 'too-long' })
  })

  it('take the empty payload', () => {
    expect(feed(encodeFrame(new Uint8Array(0)), [1, 1, 1, 1], 0)).toEqual({ ok: true, value: new Uint8Array(0) })
  })

  it('refuse bytes after the frame', () => {
    expect(createFrameReader(8).push(Uint8Array.of(0, 0, 0, 1, 7, 7))).toMatchObject({ ok: false, code: 'malformed' })
  })

  it('want more as long as a byte is missing', () => {
    expect(createFrameReader(8).push(Uint8Array.of(0, 0, 0))).toBeUndefined()
    expect(createFrameReader(8).push(Uint8Array.of(0, 0, 0, 2, 1))).toBeUndefined()
  })

  it('know a refusal', () => {
    expect(feed(REFUSAL_FRAME, [2, 2], 8)).toMatchObject({ ok: false, code: 'refused' })
  })
})
