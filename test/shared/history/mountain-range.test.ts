import { describe, expect, it } from 'vitest'
import {
  appendHeader,
  EMPTY_RANGE,
  historyRoot,
  type MountainRange,
  mountainRangeCodec,
  totalWork,
} from '../../../shared/history/mountain-range.ts'
import { peakPositions } from '../../../shared/history/node.ts'
import { buildHistory } from './build.ts'
import { headers, referenceHistoryRoot } from './reference.ts'

const COUNT = 300
const leaves = headers(COUNT)
const { ranges, nodes } = buildHistory(leaves)

describe('mountain range', () => {
  it('has the root of all headers computed at once, for 0 to 300 headers', () => {
    for (const [count, range] of ranges.entries()) {
      const covered = leaves.slice(0, count)
      expect(historyRoot(range), `${count}`).toEqual(referenceHistoryRoot(covered))
      expect(totalWork(range)).toBe(covered.reduce((sum, { work }) => sum + work, 0n))
      expect(range.peaks).toHaveLength(count.toString(2).replaceAll('0', '').length)
    }
  })

  it('leaves the range before as it was', () => {
    const before = ranges[7] as MountainRange
    const copy = structuredClone(before)
    appendHeader(before, leaves[7] as (typeof leaves)[0])
    expect(before).toEqual(copy)
    expect(EMPTY_RANGE).toEqual({ count: 0, peaks: [] })
  })

  it('creates each node once, at its place', () => {
    // n leaves make n - popcount(n) parents.
    expect(nodes.size).toBe(2 * COUNT - (ranges[COUNT] as MountainRange).peaks.length)
    for (const { level, index } of peakPositions(COUNT)) expect(nodes.has(`${level}/${index}`)).toBe(true)
    expect(nodes.get('8/0')).toEqual(ranges[256]?.peaks[0])
  })

  it('refuses headers that no valid chain has', () => {
    const range = ranges[3] as MountainRange
    const next = leaves[3] as (typeof leaves)[0]
    const invalid = expect.objectContaining({ code: 'history-leaf-invalid' })
    expect(() => appendHeader(range, { ...next, time: leaves[2]?.time as number })).toThrow(invalid)
    expect(() => appendHeader(range, { ...next, work: 2n ** 128n - totalWork(range) })).toThrow(invalid)
    expect(() => appendHeader(range, { ...next, work: 2n ** 128n - 1n - totalWork(range) })).not.toThrow()
    expect(() => appendHeader(range, { ...next, work: -1n })).toThrow(invalid)
    expect(() => appendHeader({ ...range, count: 0xffff_ffff }, next)).toThrow(invalid)
  })

  it('places peaks by the bits of the count, up to the largest', () => {
    expect(peakPositions(0)).toEqual([])
    expect(peakPositions(11)).toEqual([
      { level: 3, index: 0 },
      { level: 1, index: 4 },
      { level: 0, index: 10 },
    ])
    const largest = peakPositions(0xffff_ffff)
    expect(largest).toHaveLength(32)
    expect(largest.at(-1)).toEqual({ level: 0, index: 0xffff_fffe })
  })
})

describe('mountain range encoding', () => {
  it('gives every range back', () => {
    for (const range of ranges) {
      const encoded = mountainRangeCodec.encode(range)
      expect(encoded).toHaveLength(5 + 60 * range.peaks.length)
      expect(mountainRangeCodec.decode(encoded)).toEqual({ ok: true, value: range })
    }
  })

  it('rejects peaks that do not fit the count, spans out of order, work that runs over, and cut or longer bytes', () => {
    const range = ranges[7] as MountainRange
    const [a, b, c] = range.peaks as [MountainRange['peaks'][0], MountainRange['peaks'][0], MountainRange['peaks'][0]]
    const encodable = (bent: MountainRange) => {
      try {
        return mountainRangeCodec.decode(mountainRangeCodec.encode(bent)).ok
      } catch (error) {
        return (error as { code?: string }).code
      }
    }
    expect(encodable(range)).toBe(true)
    expect(encodable({ count: 8, peaks: range.peaks })).toBe('unencodable')
    expect(encodable({ count: 7, peaks: [a, b] })).toBe('unencodable')
    expect(encodable({ count: 7, peaks: [b, a, c] })).toBe('unencodable')
    expect(encodable({ count: 7, peaks: [a, b, { ...c, startTime: c.endTime + 1 }] })).toBe('unencodable')
    expect(encodable({ count: 7, peaks: [a, b, { ...c, work: 2n ** 128n - 1n }] })).toBe('unencodable')
    expect(encodable({ count: 7, peaks: [a, b, { ...c, work: 2n ** 128n }] })).toBe('unencodable')

    const encoded = mountainRangeCodec.encode(range)
    const rejected = (bytes: Uint8Array) => expect(mountainRangeCodec.decode(bytes).ok).toBe(false)
    for (let length = 0; length < encoded.length; length++) rejected(encoded.subarray(0, length))
    rejected(Uint8Array.of(...encoded, 0))
    // Another count with as many bits is another range; with more or fewer it is none.
    rejected(Uint8Array.of(...encoded.subarray(0, 3), 15, ...encoded.subarray(4)))
    rejected(Uint8Array.of(...encoded.subarray(0, 3), 3, ...encoded.subarray(4)))
    expect(mountainRangeCodec.decode(new Uint8Array(5 + 33 * 60))).toMatchObject({ code: 'too-long' })
  })
})
