/** What becomes of rows that meet a directory: added, kept, renewed, refused. */
import { describe, expect, it } from 'vitest'
import type { FleetContent, FleetEntry } from '../../../node-relay/fleet/fleet-file.ts'
import { planEnrolment } from '../../../node-relay/fleet/plan.ts'
import { toHex } from '../../../shared/bytes.ts'
import { MAX_DIRECTORY_ENTRIES } from '../../../shared/fleet/directory.ts'
import type { FleetRow } from '../../../shared/fleet/row.ts'

const bytes = (value: number, length = 32) => new Uint8Array(length).fill(value)
const KEY = bytes(1)
const RECOVERY = bytes(2)
const MAC = bytes(4, 6)
const NOW = 1_000_000

const row = (serial: string, more: Partial<FleetRow> = {}): FleetRow => ({
  name: `Device ${serial}`,
  model: '',
  serial,
  mac: undefined,
  publicKey: undefined,
  recoveryKey: undefined,
  ...more,
})

interface World {
  readonly entries?: readonly FleetEntry[]
  readonly now?: number
  readonly update?: boolean
  readonly registered?: readonly Uint8Array[]
  readonly recoveryKey?: Uint8Array | undefined
}

function plan(rows: readonly FleetRow[], world: World = {}) {
  const { entries = [], now = NOW, update = false, registered = [] } = world
  const fleet: FleetContent = { recoveryKey: undefined, entries: new Map(entries.map((one) => [one.serial, one])) }
  return planEnrolment(
    rows.map((one) => ({ row: one, vendor: 'V' })),
    {
      fleet,
      now,
      update,
      registeredKeys: new Set(registered.map(toHex)),
      recoveryKey: 'recoveryKey' in world ? world.recoveryKey : RECOVERY,
    },
  )
}
const codes = (...given: Parameters<typeof plan>) =>
  plan(...given).map((one) => (one.status === 'refused' ? one.code : one.status))

const voucherEntry = (serial: string, notAfter: number, more: Partial<FleetEntry> = {}): FleetEntry => ({
  ...row(serial),
  vendor: 'V',
  entrance: { TAG: 'voucher', data: { voucherKey: bytes(7), seed: bytes(8), notAfter, signature: bytes(9, 64) } },
  ...more,
})
const expectedEntry = (serial: string, walletKey = KEY): FleetEntry => ({
  ...row(serial),
  vendor: 'V',
  entrance: { TAG: 'expected', data: { walletKey, recoveryKey: RECOVERY } },
})

describe('a new row', () => {
  it('is expected with its key and a recovery key, or gets a voucher', () => {
    const [first, second, third] = plan([
      row('a', { publicKey: KEY }),
      row('b'),
      row('c', { publicKey: bytes(3), recoveryKey: KEY }),
    ])
    expect(first).toMatchObject({ status: 'expected', mint: false })
    expect(first).toMatchObject({ entry: { entrance: { data: { walletKey: KEY, recoveryKey: RECOVERY } } } })
    expect(second).toMatchObject({ status: 'voucher', mint: true })
    expect(third).toMatchObject({ entry: { entrance: { data: { recoveryKey: KEY } } } })
    expect(codes([row('a', { publicKey: KEY })], { recoveryKey: undefined })).toEqual(['recovery-key-needed'])
    expect(codes([row('a', { publicKey: KEY, recoveryKey: RECOVERY })], { recoveryKey: undefined })).toEqual([
      'expected',
    ])
  })

  it('takes no MAC and no key that another device has', () => {
    const entries = [voucherEntry('a', NOW + 1, { mac: MAC }), expectedEntry('b')]
    expect(codes([row('c', { mac: MAC })], { entries })).toEqual(['mac-taken'])
    expect(codes([row('c', { publicKey: KEY })], { entries })).toEqual(['key-taken'])
    expect(codes([row('c', { publicKey: KEY })], { registered: [KEY] })).toEqual(['key-registered'])
    expect(codes([row('c', { mac: MAC }), row('d', { mac: MAC })])).toEqual(['voucher', 'mac-taken'])
  })

  it('is refused by a full directory, and a known one is still kept', () => {
    const entries = Array.from({ length: MAX_DIRECTORY_ENTRIES }, (_, i) => voucherEntry(String(i), NOW + 1))
    expect(codes([row('new'), row('7')], { entries })).toEqual(['directory-full', 'kept'])
  })
})

describe('the same row again', () => {
  it('changes nothing, but for a voucher that has expired unused', () => {
    const entries = [voucherEntry('a', NOW + 1), voucherEntry('b', NOW), expectedEntry('c')]
    const rows = [row('a'), row('b'), row('c', { publicKey: KEY })]
    expect(codes(rows, { entries })).toEqual(['kept', 'renewed', 'kept'])
    expect(codes(rows, { entries, registered: [KEY] })[2]).toBe('kept')
    const claimed: FleetEntry = {
      ...voucherEntry('b', NOW),
      entrance: { TAG: 'claimed', data: { voucherKey: bytes(7) } },
    }
    expect(codes([row('b')], { entries: [claimed] })).toEqual(['kept'])
  })

  it('with other details is reported, and taken over only when asked', () => {
    const entries = [voucherEntry('a', NOW + 1), expectedEntry('b')]
    const renamed = row('a', { name: 'Other', mac: MAC })
    expect(plan([renamed], { entries })[0]).toMatchObject({
      code: 'changed',
      detail: expect.stringMatching(/another name, MAC address/),
    })
    const [updated] = plan([renamed], { entries, update: true })
    expect(updated).toMatchObject({ status: 'updated', mint: false, entry: { name: 'Other', mac: MAC } })
    expect(updated?.status === 'updated' && updated.entry.entrance.TAG).toBe('voucher')
    // How a device comes in is never changed by a file.
    for (const update of [false, true]) {
      expect(codes([row('b', { publicKey: bytes(5) })], { entries, update })).toEqual(['changed'])
      expect(codes([row('b')], { entries, update })).toEqual(['changed'])
      expect(codes([row('a', { publicKey: bytes(5) })], { entries, update })).toEqual(['changed'])
      expect(codes([row('b', { publicKey: KEY, recoveryKey: bytes(6) })], { entries, update })).toEqual(['changed'])
    }
  })
})
