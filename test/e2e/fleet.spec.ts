/**
 * A fleet from its file to the label in a technician's hand: ten thousand rows with fifty bad ones are enrolled on a real
 * relay, twenty devices come in with the client that speaks HTTP and Ed25519 alone, a real page shows the owner's names on
 * its verdicts, and its scanner reads a printed label through a camera.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Browser, expect, type Page, test } from '@playwright/test'
import { parse } from 'csv-parse/sync'
import { writeCameraFeed } from '../framework/camera-feed.ts'
import { createFleetCsv, FAULT_CODES, type FleetCsv } from '../framework/fleet-csv.ts'
import { auditId, openView, phaseIs } from '../framework/phone-page.ts'
import { lares, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

const ROWS = 10_000
const BAD_ROWS = 50
const CLAIMS_OF_EACH_KIND = 10
const SEED = Number(process.env['LARES_SEED'] ?? randomInt(2 ** 31))
const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
const WRITES = process.env['LARES_SCREENSHOTS'] === '1'

interface ResultRow {
  readonly line: string
  readonly serial: string
  readonly status: string
  readonly device_id: string
  readonly voucher: string
  readonly reason: string
}

interface Claimed {
  readonly deviceId: string
  readonly serial: string
  readonly name: string
}

let fleet: FleetCsv
let relay: RelayProcess
let folder: string
let csv: string
let results: readonly ResultRow[]
const claimed: Claimed[] = []
const devices = new Map<string, SmallDevice>()

// Ten thousand rows take seconds, on a busy machine a minute.
test.describe.configure({ mode: 'serial', timeout: 4 * 60_000 })

test.beforeAll(async () => {
  console.log(`seed ${SEED}`)
  fleet = createFleetCsv({ rows: ROWS, bad: BAD_ROWS, seed: SEED })
  folder = mkdtempSync(join(tmpdir(), 'lares-fleet-'))
  csv = join(folder, 'fleet.csv')
  writeFileSync(csv, fleet.bytes)
  relay = await startRelayProcess({ flags: ['--mine-share', '0.3'] })
})

test.afterAll(async () => {
  await relay?.stop()
  if (relay !== undefined) await removeDataDir(relay.dataDir)
  rmSync(folder, { recursive: true, force: true })
})

test('ten thousand rows are enrolled, and exactly the fifty bad ones are reported', async () => {
  const began = performance.now()
  const enrolled = await lares(relay.dataDir, 'enroll', csv)
  console.log(`${ROWS} rows in ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  expect(enrolled.code, enrolled.stderr).toBe(1)
  const path = `${csv}.result.csv`
  expect(statSync(path).mode & 0o777).toBe(0o600)
  results = readResults(path)

  const refused = results.filter(({ status }) => status === 'refused')
  const codes = new Map(refused.map(({ line, reason }) => [Number(line), reason.split(':')[0] as string]))
  expect(codes).toEqual(fleet.bad)
  expect(new Set(codes.values())).toEqual(new Set(FAULT_CODES))
  for (const [line, code] of fleet.bad) expect(enrolled.stdout).toMatch(new RegExp(`line ${line}: .*\\(${code}\\)`))
  const kept = results.filter(({ status }) => status !== 'refused')
  expect(kept.map(({ serial }) => serial)).toEqual([...fleet.good.keys()])
  for (const { serial, status, device_id: id, voucher } of kept) {
    const hasKey = fleet.seeds.has(serial)
    expect([serial, status, id !== '', voucher !== '']).toEqual([
      serial,
      hasKey ? 'expected' : 'voucher',
      hasKey,
      !hasKey,
    ])
  }
})

test('the same file again adds nothing', async () => {
  const list = join(relay.dataDir, 'fleet.bin')
  const before = readFileSync(list)
  const again = await lares(relay.dataDir, 'enroll', csv)
  expect(again.stdout).toContain(`${ROWS - BAD_ROWS}  there already`)
  expect(again.stdout).not.toContain('new')
  expect(readFileSync(list).equals(before)).toBe(true)
  // The vouchers are those that were handed out.
  const vouchers = (rows: readonly ResultRow[]) => rows.map(({ voucher }) => voucher)
  expect(vouchers(readResults(`${csv}.result.csv`))).toEqual(vouchers(results))
})

test('twenty devices come in, ten with vouchers and ten with the key that is expected', async () => {
  const good = results.filter(({ status }) => status !== 'refused')
  const byVoucher = good.filter(({ voucher }) => voucher !== '').slice(0, CLAIMS_OF_EACH_KIND)
  const byKey = good.filter(({ serial }) => fleet.seeds.has(serial)).slice(0, CLAIMS_OF_EACH_KIND)
  const newcomers: { device: SmallDevice; row: ResultRow; deviceId: string }[] = []
  for (const row of byVoucher) {
    const device = new SmallDevice({ relay: relay.localUrl })
    newcomers.push({ device, row, deviceId: (await device.join(row.voucher)).deviceId })
  }
  for (const row of byKey) {
    const device = new SmallDevice({ relay: relay.localUrl, seed: fleet.seeds.get(row.serial) as Buffer })
    const { deviceId } = await device.joinExpected()
    // It stands on the printed label already.
    expect(deviceId).toBe(row.device_id)
    newcomers.push({ device, row, deviceId })
  }
  await expect(new SmallDevice({ relay: relay.localUrl }).joinExpected()).rejects.toMatchObject({
    code: 'not-expected',
  })
  for (const { device, row, deviceId } of newcomers) {
    await device.until('registered')
    devices.set(deviceId, device)
    claimed.push({ deviceId, serial: row.serial, name: fleet.good.get(row.serial)?.name ?? '' })
  }
  const { stdout } = await lares(relay.dataDir, 'directory', 'list', '--json', '--search', 'registered')
  const listed = JSON.parse(stdout) as { serial: string; deviceId: string; state: string }[]
  expect(new Map(listed.map(({ serial, deviceId }) => [serial, deviceId]))).toEqual(
    new Map(claimed.map(({ serial, deviceId }) => [serial, deviceId])),
  )
})

for (const { name, width, height } of [
  { name: 'phone', width: 390, height: 844 },
  { name: 'desktop', width: 1280, height: 800 },
])
  test(`a technician's page shows the owner's names on a ${name}`, async ({ browser }) => {
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: name === 'phone' ? 2 : 1,
      colorScheme: 'light',
      reducedMotion: 'reduce',
    })
    const page = await context.newPage()
    const directory = await exportDirectory()
    await open(page)
    await openView(page, 'Check')

    const altered = Buffer.from(readFileSync(directory))
    altered[altered.length - 1] = (altered[altered.length - 1] ?? 0) ^ 1
    await page.getByTestId('directory-file').setInputFiles({ name: 'altered.bin', mimeType: '', buffer: altered })
    await expect(page.getByTestId('directory-failure')).toHaveAttribute('data-code', /directory-altered|malformed/)
    await importDirectory(page, directory)

    const sample = [claimed.find(({ name: one }) => one.includes('<b>')), claimed[1], claimed.at(-1), claimed[0]]
    for (const { deviceId, name: called, serial } of sample.filter((one) => one !== undefined)) {
      expect(await auditId(page, deviceId)).toBe('registered')
      await expect(page.getByTestId('audit-name')).toHaveText(called)
      await expect(page.getByTestId('audit-serial')).toHaveText(serial)
      await expect(page.getByTestId('audit-vendor')).toHaveText('Apple, Inc.')
    }
    await look(page, `directory-${name}`)

    const waiting = results
      .filter(({ status, device_id: id }) => status === 'expected' && id !== '')
      .at(-1) as ResultRow
    expect(await auditId(page, waiting.device_id)).toBe('not-in-ledger')
    await expect(page.getByTestId('audit-name')).toHaveText(fleet.good.get(waiting.serial)?.name ?? '')

    // Its gateway puts the question to it; a copied label has nobody behind it who answers.
    const [met] = claimed as [Claimed]
    expect(await auditId(page, met.deviceId)).toBe('registered')
    await page.getByTestId('challenge-open').click()
    await page.getByTestId('ask-device').click()
    await expect(page.getByTestId('ask-device')).toBeDisabled()
    await devices.get(met.deviceId)?.answerAll(20)
    await expect(page.getByTestId('audit-verdict')).toHaveAttribute('data-verdict', 'genuine', { timeout: 30_000 })
    await fits(page)

    // Found by its serial, and gone with the directory.
    const [first] = claimed as [Claimed]
    await page.getByTestId('directory-search').fill(first.serial.toLowerCase())
    await expect(page.getByTestId('directory-found')).toHaveAttribute('data-value', '1')
    await fits(page)
    await page.getByTestId('directory-device').click()
    await expect(page.getByTestId('audit-device-id')).toHaveAttribute('data-value', first.deviceId, { timeout: 30_000 })
    await page.reload()
    await openView(page, 'Status')
    await phaseIs(page, 'following')
    expect(await auditId(page, first.deviceId)).toBe('registered')
    await expect(page.getByTestId('audit-name')).toHaveText(first.name)
    await page.getByTestId('directory-forget').click()
    await expect(page.getByTestId('directory-search')).toHaveCount(0)
    expect(await auditId(page, first.deviceId)).toBe('registered')
    await expect(page.getByTestId('audit-name')).toHaveCount(0)
    await context.close()
  })

test("a printed label is read by the page's own scanner through a camera", async ({ browser, playwright }) => {
  const [device] = claimed as [Claimed]
  const sheet = join(folder, 'labels.html')
  const rows = readFileSync(csv).toString('latin1').split('\r\n')
  const part = join(folder, 'part.csv')
  const lines = claimed.map(({ serial }) => (fleet.good.get(serial)?.line ?? 0) - 1)
  writeFileSync(part, [rows[0], ...lines.map((line) => rows[line])].join('\r\n'), 'latin1')
  const printed = await lares(relay.dataDir, 'labels', part, '--out', sheet)
  expect(printed.stdout).toContain(`${claimed.length} labels`)
  const feed = join(folder, 'label.y4m')
  await photograph(browser, sheet, device.serial, feed)

  const { launchOptions } = test.info().project.use
  const camera = await playwright.chromium.launch({
    ...launchOptions,
    args: [
      ...(launchOptions?.args ?? []),
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${feed}`,
    ],
  })
  try {
    const page = await camera.newPage({ viewport: { width: 390, height: 844 }, colorScheme: 'light' })
    await open(page)
    await openView(page, 'Check')
    await importDirectory(page, await exportDirectory())
    await page.getByTestId('scan').click()
    const verdict = page.getByTestId('audit-verdict')
    await expect(verdict).toHaveAttribute('data-verdict', 'registered', { timeout: 60_000 })
    await expect(page.getByTestId('audit-device-id')).toHaveAttribute('data-value', device.deviceId)
    await expect(page.getByTestId('audit-name')).toHaveText(device.name)
  } finally {
    await camera.close()
  }
})

/** Prints the sheet on the screen, cuts one label out and films it. */
async function photograph(browser: Browser, sheet: string, serial: string, feed: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 900, height: 1200 }, deviceScaleFactor: 3 })
  const page = await context.newPage()
  await page.goto(pathToFileURL(sheet).href)
  const labels = page.locator('article')
  await expect(labels).toHaveCount(claimed.length)
  // A name from the file is text, and nothing else.
  await expect(labels.locator('div b b')).toHaveCount(0)
  if (WRITES) await page.screenshot({ path: `${FOLDER}labels.png` })
  const label = labels.filter({ hasText: serial })
  const picture = await label.screenshot()
  await writeCameraFeed(page, picture, feed)
  await context.close()
}

async function open(page: Page): Promise<void> {
  await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
  await phaseIs(page, 'following')
}

async function exportDirectory(): Promise<string> {
  const out = join(folder, 'directory.bin')
  const exported = await lares(relay.dataDir, 'directory', 'export', '--out', out)
  expect(exported.stdout).toContain(`${fleet.seeds.size + CLAIMS_OF_EACH_KIND} devices`)
  expect(statSync(out).mode & 0o777).toBe(0o600)
  return out
}

async function importDirectory(page: Page, path: string): Promise<void> {
  await page.getByTestId('directory-file').setInputFiles(path)
  const state = page.getByTestId('directory-state')
  await expect(state).toHaveAttribute('data-value', 'checked', { timeout: 30_000 })
  await expect(state).toHaveAttribute('data-devices', String(fleet.seeds.size + CLAIMS_OF_EACH_KIND))
}

function readResults(path: string): ResultRow[] {
  return parse(readFileSync(path), { columns: true }) as ResultRow[]
}

/** Nothing runs over the side. */
async function fits(page: Page): Promise<void> {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(overflow).toBe(0)
}

/** The same, and with LARES_SCREENSHOTS=1 a picture of docs/screenshots is written. */
async function look(page: Page, picture: string): Promise<void> {
  await fits(page)
  if (WRITES) await page.screenshot({ path: `${FOLDER}${picture}.png`, animations: 'disabled', caret: 'hide' })
}
