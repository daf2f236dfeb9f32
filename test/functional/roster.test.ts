/**
 * A home with two relays, by the command line alone: the second is registered by a voucher and takes a seat by the owner's
 * words, and later a third by two votes. Each puts its addresses into the ledger: two that have lost all else find each other
 * from there.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { RelayStatus } from '../../node-relay/facade.ts'
import type { RosterView } from '../../node-relay/roster/door.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { eventually } from '../framework/network.ts'
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
const relays: RelayProcess[] = []
const dirs: string[] = []
/** Flags of each, to start it again where it was. */
const places: string[][] = []
let words: string

afterAll(async () => {
  for (const relay of relays) await relay.stop()
  for (const dir of dirs) await removeDataDir(dir)
})

async function start(...flags: string[]): Promise<RelayProcess> {
  const dataDir = await makeDataDir()
  dirs.push(dataDir)
  const fixed = await fixedPortFlags()
  // On loopback there is nothing that a relay would publish by itself.
  const announce = `/ip4/127.0.0.1/tcp/${fixed[fixed.indexOf('--tcp-port') + 1]}`
  const relay = await startRelayProcess({ dataDir, flags: [...fixed, '--announce', announce, ...flags] })
  relays.push(relay)
  places.push([...fixed, '--announce', announce])
  return relay
}

async function roster(relay: RelayProcess): Promise<RosterView> {
  const { code, stdout, stderr } = await lares(relay.dataDir, 'roster', 'show', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as RosterView
}

/** What `roster propose` or `roster vote` has printed on a line of its own. */
async function textOf(relay: RelayProcess, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lares(relay.dataDir, 'roster', ...args)
  if (code !== 0) throw new Error(stderr)
  return /^ {2}([\w-]{80,})$/m.exec(stdout)?.[1] ?? stdout
}

/** Every one of them seals. */
async function mining(at: RelayProcess, seats: readonly number[]): Promise<void> {
  const from = (await roster(at)).height
  await eventually(`the seats ${seats} seal`, async () => {
    const view = await roster(at)
    const done = view.height > from + 10 && view.seats.every(({ seat, sealed }) => !seats.includes(seat) || sealed > 0)
    return done || undefined
  })
}

it('a second relay takes a seat by the words of the owner', { timeout: 3 * MINUTE_MS }, async () => {
  const first = await start()
  words = ownerWords(first)
  const second = await start('--join', first.joinUrl)
  const refused = await lares(second.dataDir, 'roster', 'propose')
  expect(refused.stderr).toContain('--voucher')
  const { text } = await newVoucher(first.dataDir)
  const motion = await textOf(second, 'propose', '--voucher', text)
  const wrong = await laresWith(
    'legal winner thank year wave sausage worth useful legal winner thank yellow',
    first.dataDir,
    ...['roster', 'submit', motion, '--yes'],
  )
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was changed') })
  const submitted = await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes')
  expect(submitted).toMatchObject({ code: 0, stdout: expect.stringMatching(/2 seats/) })
  await mining(second, [0, 1])
  expect((await roster(second)).own).toMatchObject({ seat: 1, coordinates: true })
  const again = await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes')
  expect(again.stderr).toContain('has changed since')
})

it('a third by the votes of both', { timeout: 3 * MINUTE_MS }, async () => {
  const [first, second] = relays as [RelayProcess, RelayProcess]
  const third = await start('--join', second.joinUrl)
  const motion = await textOf(third, 'propose', '--voucher', (await newVoucher(second.dataDir)).text)
  const mine = await textOf(first, 'vote', motion, '--yes')
  const tooFew = await lares(first.dataDir, 'roster', 'submit', motion, '--yes', '--votes', mine)
  expect(tooFew).toMatchObject({ code: 1, stderr: expect.stringMatching(/1 of 2 votes/) })
  const theirs = await textOf(second, 'vote', motion, '--yes')
  const submitted = await lares(third.dataDir, 'roster', 'submit', motion, '--yes', '--votes', `${mine},${theirs}`)
  expect(submitted).toMatchObject({ code: 0, stdout: expect.stringMatching(/3 seats/) })
  await mining(first, [0, 1, 2])
})

it('relays that know each other from the ledger alone find each other', { timeout: 3 * MINUTE_MS }, async () => {
  const [first] = relays as [RelayProcess]
  const seats = await eventually('the addresses of all are in the ledger', async () => {
    const view = await roster(first)
    return view.seats.every(({ addresses }) => addresses.length > 0) ? view.seats : undefined
  })
  expect(seats.map(({ addresses }) => addresses.length)).toEqual([1, 1, 1])
  for (const relay of relays.splice(0)) await relay.stop()
  for (const i of [0, 1]) {
    const dataDir = dirs[i] as string
    await rm(join(dataDir, 'peers.json'))
    relays.push(await startRelayProcess({ dataDir, flags: places[i] as string[] }))
  }
  for (const [i, relay] of relays.entries()) {
    const { deviceId } = seats[1 - i] as { deviceId: string }
    await eventually('it is connected to the other, and knows what it is', async () => {
      const { stdout } = await lares(relay.dataDir, 'status', '--json')
      const { peers } = JSON.parse(stdout) as RelayStatus
      return peers.find((peer) => peer.deviceId === deviceId && peer.label === 'full and coordination')
    })
  }
})
