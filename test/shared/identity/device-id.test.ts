import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { certificateAnchor, ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import {
  DEVICE_ID_TEXT_LENGTH,
  deviceIdOf,
  formatDeviceId,
  formatDid,
  networkTagOf,
  parseDeviceId,
  walletIdOf,
} from '../../../shared/identity/device-id.ts'

const filled = (byte: number) => new Uint8Array(32).fill(byte)
const network = filled(0xa1)
const id = deviceIdOf(network, filled(1), filled(2))
const refused = expect.objectContaining({ ok: false, code: 'malformed-id' })

test('network, first wallet key and anchor are all in the ID', () => {
  const ids = [
    id,
    deviceIdOf(filled(3), filled(1), filled(2)),
    deviceIdOf(network, filled(3), filled(2)),
    deviceIdOf(network, filled(1), filled(3)),
  ]
  expect(new Set(ids.map(String)).size).toBe(4)
  expect(id).toHaveLength(32)
})

test('one key makes another ID, wallet ID and anchor for each use', () => {
  const key = filled(5)
  const made = [walletIdOf(key), voucherAnchor(key), certificateAnchor(key), ownerAnchor(key)]
  expect(new Set(made.map(String)).size).toBe(4)
})

describe('text', () => {
  const text = formatDeviceId(network, id)

  test('upper case, 70 characters, all of QR alphanumeric; as a DID in lower case', () => {
    expect(text).toMatch(/^LARES1[0-9A-Z]{64}$/)
    expect(text).toHaveLength(DEVICE_ID_TEXT_LENGTH)
    expect(formatDid(network, id)).toBe(`did:lares:${text.toLowerCase()}`)
  })

  test.each([
    ['as it is', text],
    ['in lower case', text.toLowerCase()],
    ['as a DID', formatDid(network, id)],
    ['as a DID in upper case', formatDid(network, id).toUpperCase()],
    ['pasted with white space', ` \n${text}\t`],
  ])('reads it %s', (_, pasted) => {
    expect(parseDeviceId(pasted)).toEqual({ ok: true, value: { networkTag: networkTagOf(network), deviceId: id } })
  })

  test.each([
    ['nothing', ''],
    ['one character less', text.slice(0, -1)],
    ['one more', `${text}Q`],
    ['mixed case', text.slice(0, 40) + text.slice(40).toLowerCase()],
    ['another prefix', text.replace('LARES', 'LARIS')],
    ['another DID method', formatDid(network, id).replace('lares:', 'web:')],
    ['white space inside', `${text.slice(0, 30)} ${text.slice(30)}`],
    ['a very long text', `${text}${' '.repeat(1_000)}`],
    ['no text at all', '\u0000\ud800'],
  ])('refuses %s', (_, wrong) => {
    expect(parseDeviceId(wrong)).toEqual(refused)
  })

  test('any one wrong character is noticed', () => {
    const alphabet = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'
    fc.assert(
      fc.property(fc.nat(text.length - 7), fc.constantFrom(...alphabet), (at, character) => {
        const place = at + 6
        fc.pre(text[place] !== character)
        expect(parseDeviceId(text.slice(0, place) + character + text.slice(place + 1))).toEqual(refused)
      }),
    )
  })

  test('any ID of any network comes back', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(hash, hash, (networkId, deviceId) => {
        expect(parseDeviceId(formatDeviceId(networkId, deviceId))).toEqual({
          ok: true,
          value: { networkTag: networkId.slice(0, 4), deviceId },
        })
      }),
    )
  })

  test('any text at all is read or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (any) => {
        expect(typeof parseDeviceId(any).ok).toBe('boolean')
      }),
    )
  })
})
