import { scryptSync } from 'node:crypto'
import { scrypt, scryptAsync } from '@noble/hashes/scrypt.js'
import { describe, expect, it } from 'vitest'
import { nodeScrypt } from '../../../node-relay/crypto/node-scrypt.ts'
import { isSolution, PUZZLE_SCRYPT, type Scrypt, solvePuzzle, tryPuzzle } from '../../../shared/admission/puzzle.ts'
import { asciiBytes, equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { quickScrypt } from '../../framework/join-prices.ts'

const subject = {
  networkId: new Uint8Array(32).fill(1),
  walletKey: new Uint8Array(32).fill(2),
  quote: new Uint8Array(92).fill(3),
}
const highest = 2n ** 256n
const bytesOf = (value: bigint) => fromHex(value.toString(16).padStart(64, '0'))

describe('scrypt', () => {
  it('is that of RFC 7914, in Node and in a browser', () => {
    // Section 12, the vector with N = 16,384.
    const wanted =
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887'
    const cost = { N: 16_384, r: 8, p: 1 }
    expect(scryptSync('pleaseletmein', 'SodiumChloride', 64, cost).toString('hex')).toBe(wanted)
    expect(toHex(scrypt(asciiBytes('pleaseletmein'), asciiBytes('SodiumChloride'), { ...cost, dkLen: 64 }))).toBe(
      wanted,
    )
  })

  it('gives the same bytes for a try, whoever computes it', async () => {
    const browser: Scrypt = (password, salt) => scryptAsync(password, salt, PUZZLE_SCRYPT)
    for (const counter of [0, 2 ** 40 + 5]) {
      const output = await tryPuzzle(subject, counter, nodeScrypt)
      expect(output).toHaveLength(32)
      expect(equalBytes(output, await tryPuzzle(subject, counter, browser))).toBe(true)
    }
  })
})

describe('the puzzle', () => {
  it('is solved below 2^256 / iterations and not at it', () => {
    expect(isSolution(bytesOf(highest - 1n), 1)).toBe(true)
    expect(isSolution(bytesOf(highest / 4n - 1n), 4)).toBe(true)
    expect(isSolution(bytesOf(highest / 4n), 4)).toBe(false)
    expect(isSolution(bytesOf(highest / 3n), 3)).toBe(true)
    expect(isSolution(bytesOf(highest / 3n + 1n), 3)).toBe(false)
    expect(isSolution(bytesOf(0n), 2 ** 48 - 1)).toBe(true)
  })

  it('is solved by the first counter that fits, each try before it told', async () => {
    const tries: number[] = []
    const counter = await solvePuzzle(subject, 16, quickScrypt, { onTry: (tried) => tries.push(tried) })
    expect(isSolution(await tryPuzzle(subject, counter, quickScrypt), 16)).toBe(true)
    expect(tries).toEqual(Array.from({ length: counter }, (_, i) => i + 1))
  })

  it('is another for each network, wallet, quote and counter', async () => {
    const outputs = [
      await tryPuzzle(subject, 0, quickScrypt),
      await tryPuzzle(subject, 1, quickScrypt),
      await tryPuzzle({ ...subject, networkId: new Uint8Array(32) }, 0, quickScrypt),
      await tryPuzzle({ ...subject, walletKey: new Uint8Array(32) }, 0, quickScrypt),
      await tryPuzzle({ ...subject, quote: new Uint8Array(92) }, 0, quickScrypt),
    ]
    expect(new Set(outputs.map(toHex)).size).toBe(outputs.length)
  })

  it('is given up when it is called off', async () => {
    const ending = new AbortController()
    const solving = solvePuzzle(subject, 2 ** 48 - 1, quickScrypt, {
      onTry: (tries) => tries === 3 && ending.abort(),
      signal: ending.signal,
    })
    await expect(solving).rejects.toMatchObject({ name: 'AbortError' })
  })
})
