/** Rows of a fleet file: what is kept, and what is refused with which reason. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { createRowCheck, type RawRow } from '../../../shared/fleet/check-rows.ts'
import { formatMac, MAX_FLEET_TEXT } from '../../../shared/fleet/fields.ts'
import { readFleetRow } from '../../../shared/fleet/row.ts'

const KEY = toHex(createSeedSigner(new Uint8Array(32).fill(1)).publicKey)
const OTHER = toHex(createSeedSigner(new Uint8Array(32).fill(2)).publicKey)
const GOOD = { name: 'Pump 7', model: 'P-200', serial: 'SN-0007', mac: '00:1b:63:84:45:e6', publicKey: KEY }

const codeOf = (fields: Record<string, unknown>) => {
  const read = readFleetRow(fields)
  return read.ok ? 'good' : read.code
}
const checkAll = (...rows: Record<string, unknown>[]) => {
  const { check } = createRowCheck()
  return rows.map((fields, i) => check({ line: i + 2, fields })).map((one) => ('row' in one ? 'good' : one.code))
}

describe('one row', () => {
  it('is read with white space dropped and the MAC in one form', () => {
    const read = readFleetRow({ ...GOOD, name: '  Pump 7\t', mac: '001B.6384.45E6' })
    expect(read).toMatchObject({ ok: true, value: { name: 'Pump 7', serial: 'SN-0007' } })
    expect(read.ok && read.value.mac && formatMac(read.value.mac)).toBe('00:1B:63:84:45:E6')
    expect(read.ok && read.value.publicKey && toHex(read.value.publicKey)).toBe(KEY)
  })

  it('takes a key as base64url too, and does without model, MAC and key', () => {
    const read = readFleetRow({ ...GOOD, publicKey: Buffer.from(KEY, 'hex').toString('base64url') })
    expect(read.ok && read.value.publicKey && toHex(read.value.publicKey)).toBe(KEY)
    expect(codeOf({ name: 'Lamp', serial: '1' })).toBe('good')
    expect(codeOf({ name: 'Lamp', serial: '1', model: '', mac: ' ', publicKey: null })).toBe('good')
  })

  it('says what is wrong', () => {
    expect(codeOf({ ...GOOD, name: '' })).toBe('missing-name')
    expect(codeOf({ ...GOOD, serial: '  ' })).toBe('missing-serial')
    expect(codeOf({ ...GOOD, name: 'x'.repeat(MAX_FLEET_TEXT) })).toBe('good')
    expect(codeOf({ ...GOOD, name: '💧'.repeat(MAX_FLEET_TEXT) })).toBe('good')
    expect(codeOf({ ...GOOD, name: 'x'.repeat(MAX_FLEET_TEXT + 1) })).toBe('too-long')
    expect(codeOf({ ...GOOD, model: 'x'.repeat(1_000_000) })).toBe('too-long')
    expect(codeOf({ ...GOOD, name: 'a\u0000b' })).toBe('control-character')
    expect(codeOf({ ...GOOD, name: 'a\u202eb' })).toBe('control-character')
    expect(codeOf({ ...GOOD, serial: '\ud800' })).toBe('control-character')
    expect(codeOf({ ...GOOD, mac: '00:1b:63:84:45' })).toBe('bad-mac')
    expect(codeOf({ ...GOOD, mac: '00:1b-63:84:45:e6' })).toBe('bad-mac')
    expect(codeOf({ ...GOOD, mac: 'ff:ff:ff:ff:ff:ff' })).toBe('bad-mac')
    expect(codeOf({ ...GOOD, mac: '000000000000' })).toBe('bad-mac')
    expect(codeOf({ ...GOOD, publicKey: KEY.slice(2) })).toBe('bad-key')
    expect(codeOf({ ...GOOD, publicKey: 'what is this' })).toBe('bad-key')
    // Small order; y ≥ p; not on the curve.
    expect(codeOf({ ...GOOD, publicKey: `01${'00'.repeat(31)}` })).toBe('bad-key')
    expect(codeOf({ ...GOOD, publicKey: 'ff'.repeat(32) })).toBe('bad-key')
    expect(codeOf({ ...GOOD, publicKey: `02${'00'.repeat(31)}` })).toBe('bad-key')
    expect(codeOf({ ...GOOD, recoveryKey: OTHER })).toBe('good')
    expect(codeOf({ ...GOOD, recoveryKey: 'xyz' })).toBe('bad-recovery-key')
    expect(codeOf({ name: 'Lamp', serial: '1', recoveryKey: OTHER })).toBe('bad-recovery-key')
    expect(codeOf({ ...GOOD, room: 'cellar' })).toBe('unknown-column')
    expect(codeOf({ ...GOOD, serial: 7 })).toBe('not-text')
  })

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(GOOD)), fc.string()), fc.anything()), (row) => {
        const read = readFleetRow(row)
        if (!read.ok) expect(read.detail).not.toBe('')
      }),
    )
  })
})

describe('the rows of a file', () => {
  it('hold each serial, MAC and key once; the first stands', () => {
    expect(checkAll(GOOD, GOOD)).toEqual(['good', 'duplicate-serial'])
    expect(checkAll(GOOD, { ...GOOD, serial: '2', mac: '001B63-8445E6' })).toEqual(['good', 'bad-mac'])
    expect(checkAll(GOOD, { ...GOOD, serial: '2', publicKey: OTHER, mac: '001B638445E6' })).toEqual([
      'good',
      'duplicate-mac',
    ])
    expect(checkAll(GOOD, { ...GOOD, serial: '2', mac: '' })).toEqual(['good', 'duplicate-key'])
    expect(checkAll(GOOD, { ...GOOD, serial: '2', mac: '', publicKey: OTHER })).toEqual(['good', 'good'])
    // One letter, written in two ways.
    expect(checkAll({ name: 'a', serial: 'e\u0301' }, { name: 'b', serial: '\u00e9' })).toEqual([
      'good',
      'duplicate-serial',
    ])
  })

  it('keep their lines, and what the reader could not read', () => {
    const { check } = createRowCheck()
    const unreadable: RawRow = { line: 9, code: 'bad-utf8', detail: 'not UTF-8' }
    expect(check(unreadable)).toEqual(unreadable)
    check({ line: 10, fields: GOOD })
    expect(check({ line: 12, fields: GOOD })).toMatchObject({ line: 12, detail: expect.stringContaining('line 10') })
    // A refused row takes nothing from those after it.
    expect(checkAll({ ...GOOD, name: '' }, GOOD)).toEqual(['missing-name', 'good'])
  })
})
