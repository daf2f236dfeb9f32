import { expect, it } from 'vitest'
import { createLeaseTable } from '../../../node-relay/devices/lease-table.ts'

const id = (number: number) => new Uint8Array(32).fill(number)

it('keeps the newest of each device, and counts those that have not ended', () => {
  const table = createLeaseTable()
  table.put(id(1), { seen: 10, until: 100 })
  table.put(id(2), { seen: 11, until: 200 })
  table.put(id(1), { seen: 12, until: 300 })
  expect(table.newest(id(1))).toEqual({ seen: 12, until: 300 })
  expect(table.newest(id(3))).toBeUndefined()
  expect([table.size, table.countAlive(99), table.countAlive(200), table.countAlive(300)]).toEqual([2, 2, 1, 0])
})

it('forgets who renewed longest ago when it is full', () => {
  const table = createLeaseTable(2)
  for (const number of [1, 2, 1, 3]) table.put(id(number), { seen: number, until: 100 })
  expect(table.size).toBe(2)
  expect([1, 2, 3].map((number) => table.newest(id(number)) !== undefined)).toEqual([true, false, true])
})
