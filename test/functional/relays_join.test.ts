/**
 * A second relay joins by the first one's link: real processes. It fetches the whole chain, follows new blocks by their
 * announcements, is killed, comes back and catches up, also when the first was restarted meanwhile.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { eventually } from '../framework/network.ts'
import {
  loggedErrors,
  makeDataDir,
  newVoucher,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

interface Status {
  readonly networkId: string
  readonly tip: { readonly height: number; readonly hash: string }
  readonly mining: { readonly state: string; readonly sentence: string }
  readonly devices: number
}

const MINUTE_MS = 60_000
let dirs: readonly [string, string]
/** The link names them: they must be the same after a restart. */
let ports: readonly string[]
let first: RelayProcess
let second: RelayProcess

beforeAll(async () => {
  dirs = [await makeDataDir(), await makeDataDir()]
  ports = await fixedPortFlags()
})
afterAll(async () => {
  for (const relay of [first, second]) await relay?.stop().catch(() => undefined)
  for (const dir of dirs) await removeDataDir(dir)
})

async function status(relay: RelayProcess): Promise<Status> {
  return (await (await fetch(new URL('/api/v1/status', relay.localUrl))).json()) as Status
}

async function until(what: string, relay: RelayProcess, holds: (status: Status) => boolean): Promise<Status> {
  return await eventually(what, async () => {
    const now = await status(relay)
    return holds(now) ? now : undefined
  })
}

/** The second has every block that the first had when this was called. */
async function together(): Promise<Status> {
  const { tip, networkId } = await status(first)
  return await until('the second catches up', second, (ours) => {
    return ours.tip.height >= tip.height && ours.networkId === networkId
  })
}

it('joins by link, fetches the chain, and follows', { timeout: 2 * MINUTE_MS }, async () => {
  first = await startRelayProcess({ dataDir: dirs[0], flags: ports })
  await until('the first is founded', first, ({ tip }) => tip.height >= 3)
  const device = new SmallDevice({ relay: first.localUrl })
  await device.joinWhenReady((await newVoucher(dirs[0])).text)
  await device.until('registered')
  second = await startRelayProcess({ dataDir: dirs[1], flags: ['--join', first.joinUrl] })
  const ours = await together()
  expect(ours.mining).toMatchObject({ state: 'stopped', sentence: expect.stringMatching(/keeper|seat/) })
  expect(ours.devices).toBe((await status(first)).devices)
  await until('new blocks arrive', second, ({ tip }) => tip.height >= ours.tip.height + 5)
  expect(second.output()).not.toMatch(/recovery words|owner words/i)
})

it('has met nothing on the way that it did not expect', async () => {
  for (const dir of dirs) expect(await loggedErrors(dir)).toEqual([])
})

it('killed, it comes back where it was and catches up without the link', { timeout: 2 * MINUTE_MS }, async () => {
  await second.kill()
  const { tip } = await status(first)
  await until('the first goes on alone', first, (now) => now.tip.height >= tip.height + 5)
  second = await startRelayProcess({ dataDir: dirs[1] })
  expect((await together()).tip.height).toBeGreaterThanOrEqual(tip.height + 5)
})

it('finds the first again after that was restarted', { timeout: 2 * MINUTE_MS }, async () => {
  const { tip } = await together()
  await first.kill()
  first = await startRelayProcess({ dataDir: dirs[0], flags: ports })
  await until('it is followed again', second, (now) => now.tip.height >= tip.height + 3)
})

it('a link of another network is refused in a sentence', { timeout: MINUTE_MS }, async () => {
  await second.stop()
  const dataDir = await makeDataDir()
  const other = await startRelayProcess({ dataDir })
  await expect(startRelayProcess({ dataDir: dirs[1], flags: ['--join', other.joinUrl] })).rejects.toThrow(
    /belongs to another network than the link/,
  )
  await other.stop()
  await removeDataDir(dataDir)
})
