/** `lares pair`: who asks to be let in, and the operator's yes or no. */
import { afterEach, describe, expect, it } from 'vitest'
import type { PairingDoor } from '../../../node-relay/coordination/pairing-door.ts'
import { accept } from '../../../shared/errors.ts'
import { FAKE_DEVICE_ID, FAKE_PAIRING } from '../../framework/fake-relay.ts'
import { createHome, type Home } from './context.ts'

let home: Home
afterEach(() => home.clear())

async function withPairing(desk: Partial<PairingDoor> = {}): Promise<Home> {
  home = createHome({ pairing: { ...FAKE_PAIRING, ...desk } })
  await home.start()
  return home
}

const run = (...args: string[]) => home.run('pair', ...args, '--data-dir', home.dataDir)
const CODE = 'BCDF-GHJK'

describe('pair', () => {
  it('lists who asks', async () => {
    const row = { code: CODE, deviceId: FAKE_DEVICE_ID, askedAt: 0, until: 600_000, state: 'waiting' as const }
    await withPairing({ waiting: () => [row] })
    const { code, out } = await run()
    expect(code).toBe(0)
    expect(out).toContain(CODE)
    expect(out).toContain('waiting')
    expect(JSON.parse((await run('--json')).out)).toEqual([row])
    await home.clear()
    await withPairing()
    expect((await run()).out).toContain('Nobody asks')
  })

  it('approves only after a yes', async () => {
    const approved: string[] = []
    await withPairing({
      async approve(code) {
        approved.push(code)
        return accept({ deviceId: FAKE_DEVICE_ID })
      },
    })
    const no = await home.answering(async () => 'no', 'pair', CODE, '--data-dir', home.dataDir)
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed') })
    expect(approved).toEqual([])
    const yes = await home.answering(async () => 'yes', 'pair', CODE, '--data-dir', home.dataDir)
    expect(yes).toMatchObject({ code: 0, out: expect.stringContaining(FAKE_DEVICE_ID) })
    expect(approved).toEqual([CODE])
  })

  it('refuses, and says why it cannot', async () => {
    await withPairing({ refuse: () => accept({ deviceId: FAKE_DEVICE_ID }) })
    expect(await run(CODE, '--refuse')).toMatchObject({ code: 0, out: 'Refused.' })
    expect(await run(CODE, '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('No newcomer') })
  })
})
