import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ASSURANCE,
  isLabel,
  LABEL,
  labelNames,
  MARK,
  STATUS,
  withoutRole,
  withRole,
} from '../../../shared/identity/label.ts'
import {
  anchorRecordCodec,
  type DeviceRecord,
  deviceRecordCodec,
  MAX_ADDRESSES,
} from '../../../shared/identity/record.ts'
import { NEW_TRUST, TRUST_UNIT, trustAt, trustScore } from '../../../shared/identity/trust.ts'

const filled = (byte: number) => new Uint8Array(32).fill(byte)
const RECORD: DeviceRecord = {
  version: 1,
  deviceId: filled(1),
  walletKey: filled(2),
  recoveryKey: filled(3),
  walletId: filled(4),
  anchor: filled(5),
  label: LABEL.lightweight,
  assurance: ASSURANCE.vouched,
  status: STATUS.active,
  marks: 0,
  sequence: 7,
  registeredHeight: 8,
  registeredTime: 9,
  changedHeight: 10,
  sponsor: filled(6),
  issuer: filled(0),
  evidence: filled(7),
  evidenceExpires: 0,
  trust: { epoch: 3, ...NEW_TRUST },
  quota: { epoch: 3, used: 1 },
  addresses: [],
  contestedAt: undefined,
}
const unencodable = expect.objectContaining({ code: 'unencodable' })

describe('records', () => {
  test('a device record comes back', () => {
    for (const record of [
      RECORD,
      { ...RECORD, marks: MARK.contested, contestedAt: 1_800_000_000_000 },
      { ...RECORD, label: LABEL.full, addresses: ['/ip4/10.0.0.1/udp/4711/webrtc-direct', 'é'] },
    ])
      expect(deviceRecordCodec.decode(deviceRecordCodec.encode(record))).toEqual({ ok: true, value: record })
  })

  test.each<[string, Partial<DeviceRecord>]>([
    ['another version', { version: 2 }],
    ['no label', { label: 0 }],
    ['lightweight and full at once', { label: LABEL.lightweight | LABEL.full }],
    ['assurance A0', { assurance: 0 }],
    ['an unknown status', { status: 3 }],
    ['marks that nobody defined', { marks: 2 }],
    ['a mark without its time', { marks: MARK.contested }],
    ['the time of a mark that is not there', { contestedAt: 1 }],
    ['too many addresses', { addresses: Array.from({ length: MAX_ADDRESSES + 1 }, () => 'a') }],
    ['a long address', { addresses: ['a'.repeat(256)] }],
    ['a short key', { walletKey: new Uint8Array(31) }],
  ])('refuses %s', (_, change) => {
    expect(() => deviceRecordCodec.encode({ ...RECORD, ...change })).toThrow(unencodable)
  })

  test('refuses cut, padded and altered bytes without throwing', () => {
    const bytes = deviceRecordCodec.encode(RECORD)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        expect(deviceRecordCodec.decode(bytes.subarray(0, at)).ok).toBe(false)
        const altered = Uint8Array.from(bytes)
        altered[at] = (altered[at] as number) ^ mask
        const decoded = deviceRecordCodec.decode(altered)
        if (decoded.ok) expect(decoded.value).not.toEqual(RECORD)
      }),
    )
    expect(deviceRecordCodec.decode(Uint8Array.from([...bytes, 0])).ok).toBe(false)
    expect(deviceRecordCodec.decode(new Uint8Array(4_000))).toEqual(
      expect.objectContaining({ ok: false, code: 'too-long' }),
    )
  })

  test('an anchor record comes back', () => {
    const record = {
      version: 1,
      anchor: filled(1),
      deviceId: filled(2),
      live: true,
      registrations: 1,
      faults: 2,
      changedHeight: 3,
    }
    expect(anchorRecordCodec.decode(anchorRecordCodec.encode(record))).toEqual({ ok: true, value: record })
    expect(() => anchorRecordCodec.encode({ ...record, version: 0 })).toThrow(unencodable)
  })
})

describe('labels', () => {
  test('are lightweight alone, or full, coordination or both', () => {
    expect(Array.from({ length: 256 }, (_, flags) => flags).filter(isLabel)).toEqual([1, 2, 4, 6])
    expect(labelNames(6)).toEqual(['full', 'coordination'])
  })

  test('a role replaces lightweight, and lightweight is what is left without any', () => {
    expect(withRole(LABEL.lightweight, LABEL.full)).toBe(LABEL.full)
    expect(withRole(LABEL.full, LABEL.coordination)).toBe(6)
    expect(withoutRole(6, LABEL.full)).toBe(LABEL.coordination)
    expect(withoutRole(LABEL.full, LABEL.full)).toBe(LABEL.lightweight)
    expect(withoutRole(LABEL.lightweight, LABEL.full)).toBe(LABEL.lightweight)
  })
})

describe('trust', () => {
  const counters = (change: Partial<typeof NEW_TRUST>) => ({ epoch: 0, ...NEW_TRUST, ...change })

  test('a newcomer has 125, service raises it, faults lower it', () => {
    expect(trustScore(counters({}))).toBe(125)
    expect(trustScore(counters({ rE: 16 * TRUST_UNIT }))).toBe(708)
    expect(trustScore(counters({ sE: 8 * TRUST_UNIT }))).toBe(62)
  })

  test('decays with each epoch, good faster than bad facts, opinions fastest', () => {
    const all = counters({ rE: 1_600, sE: 6_400, rO: 400, sO: 400 })
    expect(trustAt(all, 1)).toEqual({ epoch: 1, rE: 1_500, sE: 6_300, rO: 300, sO: 300 })
    expect(trustAt(all, 4_000)).toEqual({ epoch: 4_000, ...NEW_TRUST })
    expect(trustAt({ ...all, epoch: 5 }, 3)).toEqual({ ...all, epoch: 5 })
  })

  test('is an integer from 0 to 1000, and epochs add up', () => {
    const u32 = fc.integer({ min: 0, max: 0xffffffff })
    fc.assert(
      fc.property(fc.record({ rE: u32, sE: u32, rO: u32, sO: u32 }), fc.nat(50), fc.nat(50), (change, a, b) => {
        const score = trustScore(counters(change))
        expect(Number.isInteger(score) && score >= 0 && score <= 1_000).toBe(true)
        expect(trustAt(trustAt(counters(change), a), a + b)).toEqual(trustAt(counters(change), a + b))
      }),
    )
  })
})
