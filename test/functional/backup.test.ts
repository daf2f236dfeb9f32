/**
 * A relay that is lost comes back from its backup as the same relay, and seals nothing.
 *
 * A real relay on the test preset mines. `lares backup` is run three times while it does: each backup restores into a
 * folder whose database `lares db verify` finds whole, ending at a block boundary. Then the relay is killed and the last
 * backup, protected by a passphrase, is started in its place: network, device ID, peer ID, address certificate and page
 * certificate are the same, so the links that phones keep still lead to it; and it does not mine, and says why.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { lares, makeDataDir, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

interface Status {
  readonly networkId: string
  readonly deviceId?: string
  readonly tip: { readonly height: number; readonly hash: string }
  readonly mining: { readonly state: string; readonly sentence: string }
}

let folder: string
let relay: RelayProcess
beforeAll(async () => {
  folder = await makeDataDir()
  relay = await startRelayProcess({ flags: ['--mine-share', '0.5'] })
}, 90_000)
afterAll(async () => {
  await relay.stop()
  await removeDataDir(relay.dataDir)
  rmSync(folder, { recursive: true, force: true })
})

const status = async (of: RelayProcess) => JSON.parse((await lares(of.dataDir, 'status', '--json')).stdout) as Status
const path = (name: string) => join(folder, name)

/** What of an address does not depend on the ports of one run. */
function identities(joinUrl: string): string[] {
  const link = parseJoinLink(new URL(joinUrl).hash)
  if (!link.ok) throw new Error(link.detail)
  const parts = link.value.link.addresses.flatMap((address) => address.match(/\/(?:certhash|p2p)\/[^/]+/g) ?? [])
  return [...new Set(parts)].sort()
}

test('backed up while it mines, killed, and restored as the same relay that seals nothing', async () => {
  await expect.poll(async () => (await status(relay)).tip.height, { timeout: 60_000, interval: 300 }).toBeGreaterThan(3)
  writeFileSync(path('phrase'), 'words that nobody knows\n')
  const heights: number[] = []
  for (const [index, flags] of [[], [], ['--passphrase-file', path('phrase')]].entries()) {
    const made = await lares(relay.dataDir, 'backup', '--out', path(`b${index}`), ...flags)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    heights.push(Number(/blocks 0 to (\d+)/.exec(made.stdout)?.[1]))
    expect(statSync(path(`b${index}`)).mode & 0o777).toBe(0o600)
  }
  const before = await status(relay)
  const identity = identities(relay.joinUrl)
  expect(identity.length).toBeGreaterThanOrEqual(2)
  await expect
    .poll(async () => (await status(relay)).tip.height, { timeout: 60_000, interval: 300 })
    .toBeGreaterThan(heights.at(-1) as number)
  await relay.kill()

  for (const [index, height] of heights.entries()) {
    const dataDir = path(`r${index}`)
    const phrase = index === 2 ? ['--passphrase-file', path('phrase')] : []
    expect(await lares(dataDir, 'restore', path(`b${index}`), ...phrase)).toMatchObject({ code: 0, stderr: '' })
    const verified = await lares(dataDir, 'db', 'verify')
    expect(verified.stdout).toMatch(new RegExp(`The database is whole: .* blocks 0 to ${height};`))
    expect(verified.code).toBe(0)
    for (const name of ['keys.json', 'network.json', 'tls/ca.crt', 'tls/ca.key', 'founding.json'])
      expect(readFileSync(join(dataDir, name)), name).toEqual(readFileSync(join(relay.dataDir, name)))
  }

  const lost = relay.dataDir
  relay = await startRelayProcess({ dataDir: path('r2'), flags: ['--mine-share', '0.5'] })
  await removeDataDir(lost)
  const after = await status(relay)
  expect(after).toMatchObject({ networkId: before.networkId, deviceId: before.deviceId })
  expect(identities(relay.joinUrl)).toEqual(identity)
  expect(after.tip.height).toBe(heights[2])
  expect(after.mining.state).toBe('stopped')
  expect(after.mining.sentence).toMatch(/seals nothing/)

  // It can be backed up again as it is; a restored one stays a restored one.
  expect(await lares(relay.dataDir, 'backup', '--out', path('again'))).toMatchObject({ code: 0 })
  expect((await status(relay)).tip).toEqual(after.tip)
}, 240_000)
