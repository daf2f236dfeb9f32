/** `lares roster propose`, where the relay is not in the ledger yet. */
import { afterEach, describe, expect, it } from 'vitest'
import type { RosterDesk } from '../../../node-relay/roster/door.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { FAKE_DEVICE_ID, FAKE_ROSTER } from '../../framework/fake-relay.ts'
import { createHome, type Home } from './context.ts'

let home: Home
afterEach(() => home.clear())

/** It is registered after so many times that its registration was taken. */
async function withRegistration(needed: number, register: RosterDesk['register']): Promise<() => number> {
  let taken = 0
  home = createHome({
    roster: {
      ...FAKE_ROSTER,
      async view() {
        const view = await FAKE_ROSTER.view()
        return { ...view, own: { ...view.own, deviceId: taken >= needed ? FAKE_DEVICE_ID : undefined } }
      },
      async register(voucher, recoveryKey) {
        const answer = await register(voucher, recoveryKey)
        if (answer.ok) taken++
        return answer
      },
      propose: () => accept('M'.repeat(100)),
    },
  })
  await home.start()
  return () => taken
}

const propose = () => home.run('roster', 'propose', '--voucher', 'text', '--data-dir', home.dataDir)

describe('roster propose --voucher', () => {
  it('hands the registration in again when no block takes it, with the same recovery key', async () => {
    const keys = new Set<string>()
    const taken = await withRegistration(2, async (_, recoveryKey) => {
      keys.add(recoveryKey)
      return accept(null)
    })
    expect((await propose()).out).toContain('waiting for its block')
    expect([taken(), keys.size]).toEqual([2, 1])
  }, 20_000)

  it('waits for a relay that is not ready, and tells of every other refusal at once', async () => {
    let asked = 0
    const taken = await withRegistration(1, async () =>
      asked++ === 0 ? reject('not-ready', 'No block yet.') : accept(null),
    )
    expect((await propose()).out).toContain('waiting for its block')
    expect([asked, taken()]).toEqual([2, 1])
    await home.clear()
    await withRegistration(1, async () => reject('voucher-used', 'This voucher was used.'))
    expect(await propose()).toMatchObject({ code: 1, err: expect.stringContaining('This voucher was used.') })
  }, 20_000)
})
