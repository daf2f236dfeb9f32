import { describe, expect, it } from 'vitest'
import {
  countOf,
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatTime,
  formatWork,
  inGroups,
  shorten,
} from '../../../web/ui/format.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('format', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1,000'],
    [48_213, '48,213'],
    [1_234_567, '1,234,567'],
  ])('counts %i as %s', (value, text) => expect(formatCount(value)).toBe(text))

  it('says one block and two blocks', () => {
    expect([0, 1, 2].map((value) => countOf(value, 'block'))).toEqual(['0 blocks', '1 block', '2 blocks'])
  })

  it.each([
    [-5, '0 ms'],
    [38.4, '38 ms'],
    [1_000, '1 s'],
    [1_500, '1.5 s'],
    [45_000, '45 s'],
    [MINUTE, '1 min'],
    [8 * HOUR, '8 h'],
    [8 * HOUR + 5 * MINUTE, '8 h 5 min'],
    [47 * HOUR, '47 h'],
    [72 * HOUR, '3 days'],
  ])('%i ms last %s', (ms, text) => expect(formatDuration(ms)).toBe(text))

  it('forgives a clock a little behind, and says when it is far behind', () => {
    const now = 1_000_000_000
    expect(formatAge(now, now)).toBe('just now')
    expect(formatAge(now + 30_000, now)).toBe('just now')
    expect(formatAge(now - 12_000, now)).toBe('12 s ago')
    expect(formatAge(now - 8 * HOUR, now)).toBe('8 h ago')
    expect(formatAge(now + HOUR, now)).toBe("1 h ahead of this device's clock")
  })

  it('writes a time in the own zone, with leading zeros', () => {
    expect(formatTime(new Date(2026, 2, 4, 7, 5).getTime())).toBe('2026-03-04 07:05')
  })

  it.each([
    [999, '999 bytes'],
    [1_486, '1.5 kB'],
    [2_500_000, '2.5 MB'],
  ])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it.each([
    ['1', '1 hash'],
    ['65536', '65,536 hashes'],
    ['84213096442', 'about 84.2 billion hashes'],
    ['999999999999999999', 'about 999.9 quadrillion hashes'],
    [(2n ** 67n + 5n).toString(), 'about 2^67 hashes'],
    ['', 'not known yet'],
    ['-4', 'not known yet'],
    ['1e9', 'not known yet'],
  ])('work %s is %s', (work, text) => expect(formatWork(work)).toBe(text))

  it('groups and shortens without losing a character', () => {
    expect(inGroups('LARES1QQPZ7')).toEqual(['LARES', '1QQPZ', '7'])
    expect(inGroups('')).toEqual([])
    expect(shorten('abcdefghijklmnopqrstuvwxyz', 3)).toBe('abc…xyz')
    expect(shorten('short', 3)).toBe('short')
  })
})
