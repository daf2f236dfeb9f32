/**
 * A home with two relays. The first dies for ever; by the steps of docs/OPERATIONS.md its seat goes to a new relay, and the
 * phones follow without a new join link.
 */
import { expect, type Page, test } from '@playwright/test'
import {
  auditId,
  closePages,
  heightRises,
  joinWithVoucher,
  openView,
  phaseIs,
  settledId,
  tipOf,
} from '../framework/phone-page.ts'
import {
  type CommandOutcome,
  lares,
  laresWith,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'

test.setTimeout(420_000)

const relays: RelayProcess[] = []

test.afterEach(async ({ browser }) => {
  await closePages(browser)
  for (const relay of relays) await relay.stop()
  for (const { dataDir } of relays.splice(0)) await removeDataDir(dataDir)
})

async function start(...flags: string[]): Promise<RelayProcess> {
  const relay = await startRelayProcess({ flags })
  relays.push(relay)
  return relay
}

function printed(outcome: CommandOutcome): string {
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 })
  return /^ {2}([\w-]{80,})$/m.exec(outcome.stdout)?.[1] ?? ''
}

/** The relay asks for a seat, and the owner gives it one. */
async function seat(relay: RelayProcess, by: RelayProcess, words: string): Promise<void> {
  const { text } = await newVoucher(by.dataDir)
  const motion = printed(await lares(relay.dataDir, 'roster', 'propose', '--voucher', text))
  printed(await laresWith(words, by.dataDir, 'roster', 'submit', motion, '--yes'))
}

/** Addresses of servers that the page has stored for its network. */
async function knownServers(page: Page): Promise<Set<string>> {
  const addresses = await page.evaluate(async () => {
    const [info] = await indexedDB.databases()
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open(info?.name ?? '')
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = () => reject(opening.error)
    })
    const records = await new Promise<{ addresses: string[] }[]>((resolve, reject) => {
      const reading = database.transaction('networks').objectStore('networks').getAll()
      reading.onsuccess = () => resolve(reading.result)
      reading.onerror = () => reject(reading.error)
    })
    database.close()
    return records.flatMap((record) => record.addresses)
  })
  return new Set(addresses.map((address) => address.split('/p2p/').at(-1) as string))
}

test('the first relay dies for ever, and phones follow the others', async ({ browser }) => {
  const first = await start()
  const words = ownerWords(first)
  const phone = await (await browser.newContext()).newPage()
  await phone.goto(first.localUrl + new URL(first.joinUrl).hash)
  await phaseIs(phone, 'following')
  await joinWithVoucher(phone, (await newVoucher(first.dataDir)).text)
  const id = await settledId(phone)

  const second = await start('--join', first.joinUrl)
  await seat(second, first, words)
  await expect.poll(async () => (await knownServers(phone)).size, { timeout: 180_000 }).toBe(2)

  // Which of the two answers for it follows from its ID, which is random.
  await openView(phone, 'Status')
  await phone.getByTestId('serving-why').click()
  const assigned = (state: string) => phone.locator(`[data-testid="assigned"][data-state="${state}"]`)
  await expect(assigned('standby')).toHaveCount(1, { timeout: 60_000 })
  const moves = (await assigned('primary').getAttribute('data-seat')) === '0'
  console.log(`its primary is ${moves ? 'the one that dies' : 'the one that stays'}`)

  await first.kill()
  const { height } = await tipOf(phone)
  await expect.poll(async () => (await tipOf(phone)).height, { timeout: 90_000 }).toBeGreaterThan(height + 2)

  // Where it moved to the other one, that one could not ask the dead one whether somebody else is there.
  await expect(phone.getByTestId('presence-present')).toContainText(
    moves ? 'One other server could not be asked' : 'Present',
    { timeout: 60_000 },
  )

  // As the documentation says: take the dead one's seat away, then give one to the new relay.
  const removal = printed(await lares(second.dataDir, 'roster', 'propose', '--remove', '0'))
  printed(await laresWith(words, second.dataDir, 'roster', 'submit', removal, '--yes'))
  const third = await start('--join', second.joinUrl)
  await seat(third, second, words)
  await phaseIs(phone, 'following')
  await heightRises(phone, 5)
  await expect.poll(async () => (await knownServers(phone)).size, { timeout: 180_000 }).toBe(3)
  await expect.poll(() => auditId(phone, id), { timeout: 60_000 }).toBe('registered')

  await openView(phone, 'Status')
  const present = phone.getByTestId('presence-present')
  await expect(present).toBeVisible({ timeout: 60_000 })
  await expect(present).not.toContainText('could not be asked', { timeout: 60_000 })

  // And what was the second relay's work the third goes on with.
  await second.kill()
  const after = (await tipOf(phone)).height
  await expect.poll(async () => (await tipOf(phone)).height, { timeout: 90_000 }).toBeGreaterThan(after + 2)
})
