/**
 * How a relay becomes a full node, in real processes: three have their seats, a fourth applies, is examined by each over whole
 * epochs, vouched for by two operators, and gets its seat by votes that nobody cast by hand. Until then it seals nothing and
 * says nowhere that it serves; afterwards it does both. Beside it applies one that has headers and no blocks: it never gets a vote.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RelayStatus } from '../../node-relay/facade.ts'
import type { ApplicantRow, ApplicationView } from '../../node-relay/full-admission/door.ts'
import type { RosterView } from '../../node-relay/roster/door.ts'
import { PROBATION_EPOCHS } from '../../shared/admission/full-admission.ts'
import { fromHex } from '../../shared/bytes.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { openAuditingBrowser } from '../framework/auditing-browser.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { type HeadersOnlyApplicant, startHeadersOnlyApplicant } from '../framework/headers-only-applicant.ts'
import {
  lares,
  laresWith,
  makeDataDir,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'

const MINUTE_MS = 60_000
const PATIENCE_MS = 3 * MINUTE_MS

const relays: RelayProcess[] = []
/** TCP ports, for whoever dials them. */
const announced: string[] = []
let hollow: HeadersOnlyApplicant
let networkId: Uint8Array

async function eventually<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const value = await look()
    if (value !== undefined) return value
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  throw new Error(`it did not come to this: ${what}`)
}

async function ask<Answer>({ dataDir }: RelayProcess, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await lares(dataDir, ...args, '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Answer
}

async function run({ dataDir }: RelayProcess, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lares(dataDir, ...args)
  if (code !== 0) throw new Error(stderr)
  return stdout
}

async function start(...flags: string[]): Promise<RelayProcess> {
  const fixed = await fixedPortFlags()
  // On loopback there is nothing that a relay would name by itself.
  const announce = `/ip4/127.0.0.1/tcp/${fixed[fixed.indexOf('--tcp-port') + 1]}`
  const relay = await startRelayProcess({
    dataDir: await makeDataDir(),
    flags: [...fixed, '--announce', announce, ...flags],
  })
  const link = parseJoinLink(relay.joinUrl)
  const peerId = link.ok ? link.value.link.addresses[0]?.split('/p2p/')[1] : undefined
  announced.push(`${announce}/p2p/${peerId}`)
  relays.push(relay)
  return relay
}

const view = (relay: RelayProcess) => ask<ApplicationView>(relay, 'full', 'status')
const roster = (relay: RelayProcess) => ask<RosterView>(relay, 'roster', 'show')

beforeAll(async () => {
  const first = await start()
  const words = ownerWords(first)
  for (const seat of [1, 2]) {
    const other = await start('--join', first.joinUrl)
    const { text } = await newVoucher(first.dataDir)
    const motion = /^ {2}([\w-]{80,})$/m.exec(await run(other, 'roster', 'propose', '--voucher', text))?.[1] ?? ''
    const given = await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes')
    expect(given.code, given.stderr).toBe(0)
    await eventually(`seat ${seat} is taken`, async () => (await roster(other)).own.seat === seat || undefined)
  }
  networkId = fromHex((await roster(first)).networkId)
}, 4 * MINUTE_MS)

afterAll(async () => {
  await hollow?.stop()
  for (const relay of relays) await relay.kill()
  for (const { dataDir } of relays) await removeDataDir(dataDir)
})

it('an applicant is examined, and nothing happens without vouchers', { timeout: 6 * MINUTE_MS }, async () => {
  const [first] = relays as [RelayProcess]
  const fourth = await start('--join', first.joinUrl)
  expect((await lares(fourth.dataDir, 'full', 'apply')).stderr).toContain('--voucher')
  const said = await run(fourth, 'full', 'apply', '--voucher', (await newVoucher(first.dataDir)).text)
  expect(said).toContain('lares full vouch ')
  hollow = await startHeadersOnlyApplicant({
    ...{ networkId, relays: announced.slice(0, 3), url: first.localUrl, seed: new Uint8Array(randomBytes(32)) },
    voucher: (await newVoucher(first.dataDir)).text,
  })
  const id = formatDeviceId(networkId, hollow.deviceId)
  await eventually('its registration is settled', async () => {
    const { code } = await lares(first.dataDir, 'full', 'vouch', id, '--yes')
    return code === 0 || undefined
  })
  const steps = await eventually('all three have examined the fourth through its probation', async () => {
    await hollow.apply()
    const { seats } = await view(fourth)
    const isThrough = seats.every(({ steps }) => steps.every(({ step, isMet }) => step === 'vouches' || isMet))
    return seats.length === 3 && isThrough ? seats : undefined
  })
  expect(steps.every(({ hasVoted, steps: [vouches] }) => !hasVoted && vouches?.isMet === false)).toBe(true)
  expect(await run(fourth, 'full', 'status')).toMatch(/missing {2}identity: 0 of 2 full nodes vouch for it/)
  const { own, seats } = await roster(fourth)
  expect(own.seat).toBeUndefined()
  expect(seats).toHaveLength(3)
})

it('with two operators behind it, it gets its seat by votes that nobody cast', { timeout: 4 * MINUTE_MS }, async () => {
  const [first, second, , fourth] = relays as [RelayProcess, RelayProcess, RelayProcess, RelayProcess]
  const { own } = await roster(fourth)
  for (const relay of [first, second]) await run(relay, 'full', 'vouch', own.deviceId ?? '', '--yes')
  await eventually('it has its seat', async () => (await roster(fourth)).own.seat === 3 || undefined)
  await eventually('it seals blocks', async () => {
    const { seats } = await roster(first)
    return seats.find(({ seat, sealed }) => seat === 3 && sealed > 0)
  })
  expect(await run(fourth, 'full', 'status')).toContain('This relay is a full node.')
  await eventually('the others know where it serves', async () => {
    const { keepers } = await ask<RelayStatus>(first, 'status')
    return keepers.find(({ seat, service }) => seat === 3 && service !== undefined)
  })
  const browser = await openAuditingBrowser(fourth.joinUrl, networkId)
  expect(await browser.audit()).toBeGreaterThan(0)
  await browser.close()
})

it('who has no blocks passes no challenge and gets no vote', { timeout: 4 * MINUTE_MS }, async () => {
  const [first, second] = relays as [RelayProcess, RelayProcess]
  const id = formatDeviceId(networkId, hollow.deviceId)
  await run(second, 'full', 'vouch', id, '--yes')
  const row = await eventually('it has been examined for longer than a probation takes', async () => {
    await hollow.apply()
    const applicants = await ask<ApplicantRow[]>(first, 'full', 'list')
    // Of three examiners, with eight challenges in an epoch each.
    const isLong = hollow.answered > 3 * 8 * (PROBATION_EPOCHS + 1)
    return isLong ? applicants.find(({ deviceId }) => deviceId === id) : undefined
  })
  expect(row.isAdmissible).toBe(false)
  const missing = row.steps.filter(({ isMet }) => !isMet).map(({ step }) => step)
  expect(missing).toEqual(expect.arrayContaining(['storage', 'probation']))
  expect(row.steps.find(({ step }) => step === 'storage')?.have).toBe(0)
  expect(await hollow.apply()).toMatchObject({ TAG: 'examined', data: { vote: undefined } })
  expect((await roster(first)).seats).toHaveLength(4)
})

it('leaves by its own word', { timeout: 2 * MINUTE_MS }, async () => {
  const [first, , , fourth] = relays as [RelayProcess, RelayProcess, RelayProcess, RelayProcess]
  await run(fourth, 'full', 'leave', '--yes')
  await eventually('its seat is gone', async () => (await roster(first)).seats.length === 3 || undefined)
  expect(await run(fourth, 'full', 'status')).toContain('does not apply')
})
