/**
 * Three full nodes serve real browsers that ask without a pause; the one that serves is killed. No question may be lost, and
 * who serves next must stand soon. LARES_HANDOVER=all: twenty kills under four browsers, with the figures; else one of each.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { type AuditingBrowser, openAuditingBrowser } from '../framework/auditing-browser.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
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

const IS_LONG = process.env['LARES_HANDOVER'] === 'all'
const KILLS = IS_LONG ? 20 : 1
const BROWSERS = IS_LONG ? 4 : 1
const RELAYS = 3
const ASK_EVERY_MS = 100
const CALM_MS = IS_LONG ? 20_000 : 3_000
/** From before the kill until a while after. */
const BEFORE_MS = 1_000
const ROUND_MS = 8_000
/** Of all questions of a run with kills. */
const LATE_SHARE = 0.95
const LATE_MS = 1_000
const PATIENCE_MS = 120_000
const TEST_MS = 600_000 + KILLS * 60_000

interface Machine {
  readonly dataDir: string
  readonly ports: readonly string[]
  peerId: string
  process: RelayProcess
}

const machines: Machine[] = []
const browsers: AuditingBrowser[] = []

async function eventually<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const value = await look()
    if (value !== undefined) return value
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`it did not come to this: ${what}`)
}

async function start(...flags: string[]): Promise<Machine> {
  const dataDir = await makeDataDir()
  const ports = await fixedPortFlags()
  const process = await startRelayProcess({ dataDir, flags: [...ports, ...flags] })
  const link = parseJoinLink(process.joinUrl)
  const peerId = link.ok ? link.value.link.addresses[0]?.split('/p2p/')[1] : undefined
  if (peerId === undefined) throw new Error(`no peer ID in ${process.joinUrl}`)
  const machine = { dataDir, ports, process, peerId }
  machines.push(machine)
  return machine
}

function printed({ code, stdout, stderr }: Awaited<ReturnType<typeof lares>>): string {
  expect(code, stderr).toBe(0)
  return /^ {2}([\w-]{80,})$/m.exec(stdout)?.[1] ?? ''
}

beforeAll(async () => {
  const first = await start()
  const words = ownerWords(first.process)
  for (let i = 1; i < RELAYS; i++) {
    const other = await start('--join', first.process.joinUrl)
    const { text } = await newVoucher(first.dataDir)
    const motion = printed(await lares(other.dataDir, 'roster', 'propose', '--voucher', text))
    printed(await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes'))
    await eventually('it has its seat', async () => {
      const status = JSON.parse((await lares(first.dataDir, 'status', '--json')).stdout) as { keepers: unknown[] }
      return status.keepers.length > i || undefined
    })
  }
  const status = JSON.parse((await lares(first.dataDir, 'status', '--json')).stdout) as { networkId: string }
  const networkId = Uint8Array.from(Buffer.from(status.networkId, 'hex'))
  for (let i = 0; i < BROWSERS; i++) browsers.push(await openAuditingBrowser(first.process.joinUrl, networkId))
}, TEST_MS)

afterAll(async () => {
  for (const browser of browsers) await browser.close()
  for (const { process } of machines) await process.kill()
  for (const { dataDir } of machines) await removeDataDir(dataDir)
})

/** Its primary and standby, once both stand. */
async function served(browser: AuditingBrowser): Promise<{ at: number; primary: string; standby: string }> {
  return eventually('it has a primary and a standby', async () => {
    const { at, primary, standby } = (await browser.duties()).at(-1) ?? { at: 0 }
    return primary === undefined || standby === undefined ? undefined : { at, primary, standby }
  })
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

const said = (times: readonly number[]) =>
  `median ${quantile(times, 0.5).toFixed(0)} ms, 95th ${quantile(times, LATE_SHARE).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms of ${times.length}`

test(
  'no question is lost when the server that is asked dies',
  async () => {
    const ask = async (forMs: number) => {
      const all = await Promise.all(browsers.map((browser) => browser.auditEvery(ASK_EVERY_MS, forMs)))
      const wrong = all.flat().filter(({ verdict }) => verdict !== 'not-in-ledger')
      expect(wrong).toEqual([])
      return all.flat().map(({ ms }) => ms)
    }
    for (const browser of browsers) await served(browser)
    const calm = await ask(CALM_MS)
    const disturbed: number[] = []
    const moves: number[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = browsers[kill % browsers.length] as AuditingBrowser
      const { primary } = await served(victim)
      const machine = machines.find(({ peerId }) => peerId === primary) as Machine
      const [times, killedAt] = await Promise.all([
        ask(ROUND_MS),
        new Promise<number>((resolve, reject) => {
          setTimeout(() => {
            const at = Date.now()
            machine.process.kill().then(() => resolve(at), reject)
          }, BEFORE_MS)
        }),
      ])
      disturbed.push(...times)
      for (const browser of browsers) {
        const before = (await browser.duties()).findLast(({ at }) => at <= killedAt)
        if (before?.primary !== machine.peerId && before?.standby !== machine.peerId) continue
        const stands = await eventually('two others serve', async () =>
          (await browser.duties()).find(
            ({ at, primary, standby }) =>
              at > killedAt &&
              primary !== undefined &&
              standby !== undefined &&
              primary !== machine.peerId &&
              standby !== machine.peerId,
          ),
        )
        moves.push(stands.at - killedAt)
      }
      if (kill + 1 === KILLS) break
      machine.process = await startRelayProcess({ dataDir: machine.dataDir, flags: [...machine.ports] })
      await eventually(
        'the server of before serves again',
        async () => (await victim.duties()).at(-1)?.primary === machine.peerId || undefined,
      )
    }
    console.log(`calm: ${said(calm)}`)
    console.log(`${KILLS} kills: ${said(disturbed)}`)
    const ratio = quantile(disturbed, LATE_SHARE) / quantile(calm, LATE_SHARE)
    console.log(`95th, disturbed over calm: ${ratio.toFixed(2)}`)
    console.log(`new primary and standby: median ${quantile(moves, 0.5)} ms, longest ${Math.max(...moves)} ms`)
    expect(moves.length).toBeGreaterThanOrEqual(KILLS)
    // A timed line of the issue itself; a short run has too few questions for it.
    if (IS_LONG) expect(quantile(disturbed, LATE_SHARE)).toBeLessThanOrEqual(LATE_MS)
  },
  TEST_MS,
)
