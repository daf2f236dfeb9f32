import { expect, test } from 'vitest'
import { KeyCache } from '../../../shared/crypto/key-cache.ts'

test('a full key cache drops the key used longest ago', () => {
  const cache = new KeyCache<string>(2)
  const [a, b, c] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]
  let created = 0
  const create = () => `value ${created++}`
  cache.getOrCreate(a, create)
  cache.getOrCreate(b, create)
  expect(cache.getOrCreate(a, create)).toBe('value 0')
  cache.getOrCreate(c, create)
  expect(cache.size).toBe(2)
  expect(cache.getOrCreate(a, create)).toBe('value 0')
  expect(cache.getOrCreate(b, create)).toBe('value 3')
})
