/**
 * A whole home, in real processes and real browsers: three relays, a coordination node without blocks, a fourth relay that
 * becomes a full node through the whole procedure, four browsers that join by voucher. Then the primary of one browser after the
 * other is killed, while every browser asks for its own device all the time.
 * Some fifteen minutes, alone on the machine: LARES_HANDOVER=all. Its parts run by themselves in handover, full_admission,
 * coordination and the browser tests.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RelayStatus } from '../../node-relay/facade.ts'
import type { RosterView } from '../../node-relay/roster/door.ts'
import { fromHex } from '../../shared/bytes.ts'
import { type AuditingBrowser, openAuditingBrowser } from '../framework/auditing-browser.ts'
import { createMachines, eventually, killRounds, LATE_SHARE, printFigures, quantile } from '../framework/kill-rounds.ts'
import {
  type CoordinationProcess,
  lares,
  laresWith,
  makeDataDir,
  newVoucher,
  ownerWords,
  removeDataDir,
  startCoordinationProcess,
} from '../framework/relay-process.ts'

const KILLS = 20
const BROWSERS = 4
const LATE_MS = 1_000
const MINUTE_MS = 60_000
const PATIENCE_MS = 6 * MINUTE_MS

const machines = createMachines()
const browsers: AuditingBrowser[] = []
let node: CoordinationProcess | undefined
const dirs: string[] = []

async function run(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lares(dataDir, ...args)
  if (code !== 0) throw new Error(stderr)
  return stdout
}

async function ask<Answer>(dataDir: string, ...args: string[]): Promise<Answer> {
  return JSON.parse(await run(dataDir, ...args, '--json')) as Answer
}

const isLong = process.env['LARES_HANDOVER'] === 'all'

test.runIf(isLong)('a home with all its parts loses no question', { timeout: 40 * MINUTE_MS }, async () => {
  const first = await machines.start()
  const words = ownerWords(first.process)
  const roster = (dataDir: string) => ask<RosterView>(dataDir, 'roster', 'show')
  async function letIn(dataDir: string): Promise<void> {
    const { text } = await newVoucher(first.dataDir)
    const motion = /^ {2}([\w-]{80,})$/m.exec(await run(dataDir, 'roster', 'propose', '--voucher', text))?.[1] ?? ''
    const given = await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes')
    expect(given.code, given.stderr).toBe(0)
  }
  for (const seat of [1, 2]) {
    const { dataDir } = await machines.start('--join', first.process.joinUrl)
    await letIn(dataDir)
    await eventually(`seat ${seat} is taken`, async () => (await roster(dataDir)).own.seat === seat || undefined)
  }

  const nodeDir = await makeDataDir()
  dirs.push(nodeDir)
  node = await startCoordinationProcess({ dataDir: nodeDir, flags: ['--join', first.process.joinUrl] })
  await letIn(nodeDir)
  await eventually('the coordination node knows that it is let in', async () => {
    return (await ask<RelayStatus>(nodeDir, 'status')).light?.admits || undefined
  })
  const networkId = fromHex((await roster(first.dataDir)).networkId)

  const fourth = await machines.start('--join', first.process.joinUrl)
  await run(fourth.dataDir, 'full', 'apply', '--voucher', (await newVoucher(first.dataDir)).text)
  const { own } = await roster(fourth.dataDir)
  for (const { dataDir } of machines.all.slice(0, 2))
    await eventually('its registration is settled, and it is vouched for', async () => {
      const { code } = await lares(dataDir, 'full', 'vouch', own.deviceId ?? '', '--yes')
      return code === 0 || undefined
    })
  const applied = Date.now()
  await eventually(
    'the fourth is a full node, by votes that nobody cast',
    async () => (await roster(fourth.dataDir)).own.seat === 3 || undefined,
    PATIENCE_MS,
  )
  console.log(`the fourth has its seat ${((Date.now() - applied) / 1_000).toFixed(0)} s after it was vouched for`)

  const ids: string[] = []
  for (let i = 0; i < BROWSERS; i++) {
    const browser = await openAuditingBrowser(first.process.joinUrl, networkId)
    browsers.push(browser)
    ids.push(await browser.joinWith((await newVoucher(first.dataDir)).text))
  }
  expect(new Set(ids).size).toBe(BROWSERS)
  const figures = await killRounds({
    ...{ machines: machines.all, browsers, ids, kills: KILLS, calmMs: 20_000, verdict: 'registered' },
  })
  printFigures(figures, KILLS)
  expect(figures.moves.length).toBeGreaterThanOrEqual(KILLS)
  expect(quantile(figures.disturbed, LATE_SHARE)).toBeLessThanOrEqual(LATE_MS)
})

beforeAll(() => {
  if (!isLong) console.log('a whole home is run by LARES_HANDOVER=all: fifteen minutes, alone on the machine')
})

afterAll(async () => {
  for (const browser of browsers) await browser.close()
  await node?.stop()
  await machines.end()
  for (const dir of dirs) await removeDataDir(dir)
}, 2 * MINUTE_MS)
