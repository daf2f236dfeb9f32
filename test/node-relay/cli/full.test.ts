/** `lares full`: what it says of an application, to the applicant and to who examines it. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ApplicationView, FullAdmissionDoor } from '../../../node-relay/full-admission/door.ts'
import { ADMISSION_STEPS, type AdmissionStep } from '../../../shared/admission/full-admission.ts'
import { accept } from '../../../shared/errors.ts'
import { FAKE_DEVICE_ID, FAKE_FULL } from '../../framework/fake-relay.ts'
import { createHome, type Home } from './context.ts'

let home: Home
afterEach(() => home.clear())

async function withFull(desk: Partial<FullAdmissionDoor> = {}): Promise<Home> {
  home = createHome({ full: { ...FAKE_FULL, ...desk } })
  await home.start()
  return home
}

const run = (...args: string[]) => home.run('full', ...args, '--data-dir', home.dataDir)
const STEPS: AdmissionStep[] = ADMISSION_STEPS.map((step, i) => ({ step, have: i, need: 5, isMet: i === 1 }))
const APPLYING: ApplicationView = {
  ...{ state: 'applying', epochSeconds: 86_400, votes: 1, votesNeeded: 2 },
  seats: [{ seat: 4, steps: STEPS, hasVoted: true }],
  refused: { code: 'too-many-applicants', detail: 'come again later' },
}

describe('full status', () => {
  it('says each step, what is missing and how long it takes', async () => {
    await withFull({ view: () => APPLYING })
    const { code, out } = await run('status')
    expect(code).toBe(0)
    expect(out).toContain('1 of 2 votes')
    expect(out).toContain('Seat 4: has voted for it')
    expect(out).toContain('missing  identity: 0 of 5 full nodes vouch for it')
    expect(out).toContain('done     hardware: 1 of 5 MiB')
    expect(out).toContain('missing  probation: 5 of 5 whole epochs')
    expect(out).toContain('Refused by one: come again later (too-many-applicants).')
    expect(JSON.parse((await run('status', '--json')).out)).toEqual(APPLYING)
  })

  it('says how long a probation takes at least, and that a certificate needs nobody', async () => {
    const steps: AdmissionStep[] = [
      { step: 'vouches', have: 0, need: 0, isMet: true },
      { step: 'probation', have: 0, need: 2, isMet: false },
    ]
    await withFull({ view: () => ({ ...APPLYING, seats: [{ seat: 0, steps, hasVoted: false }] }) })
    const { out } = await run('status')
    expect(out).toContain('0 of 2 whole epochs; at least 2 days more')
    expect(out).toContain('identity: verified by a certificate')
  })

  it('of a relay that does not apply, has its seat, or was not answered yet', async () => {
    const said = ['does not apply for a seat', 'is a full node', 'No full node has answered yet']
    for (const [i, state] of (['none', 'full', 'applying'] as const).entries()) {
      await withFull({ view: () => ({ ...APPLYING, state, seats: [], refused: undefined }) })
      expect((await run('status')).out).toContain(said[i])
      await home.clear()
    }
    await withFull()
  })
})

describe('the others', () => {
  it('apply, and say what a person is to do', async () => {
    await withFull()
    expect((await run('apply')).out).toMatch(/applies for a seat[\s\S]*lares full vouch /)
  })

  it('vouch only after a yes, and say why not', async () => {
    await withFull()
    expect((await run('vouch', FAKE_DEVICE_ID, '--yes')).out).toContain('Vouched.')
    const no = await home.answering(async () => 'no', 'full', 'vouch', FAKE_DEVICE_ID, '--data-dir', home.dataDir)
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed') })
    expect(await run('vouch', 'LARES1X', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('No such') })
  })

  it('list who applies', async () => {
    await withFull()
    expect((await run('list')).out).toContain('Nobody applies')
    await home.clear()
    const row = { deviceId: FAKE_DEVICE_ID, steps: STEPS, isVouchedHere: true, isAdmissible: false }
    await withFull({ applicants: () => [row] })
    expect((await run('list')).out).toMatch(new RegExp(`${FAKE_DEVICE_ID}: examined, vouched for here\n {2}missing`))
    expect(JSON.parse((await run('list', '--json')).out)).toEqual([row])
  })

  it('leave, or may not', async () => {
    await withFull()
    expect(await run('leave', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('last seat') })
    await home.clear()
    await withFull({ leave: async () => accept(null) })
    expect((await run('leave', '--yes')).out).toContain('Handed in')
  })
})
