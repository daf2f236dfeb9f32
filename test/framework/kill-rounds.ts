/** Full nodes that are killed and started again under browsers that ask without a pause, and what that costs those who ask. */
import { expect } from 'vitest'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import type { AuditingBrowser } from './auditing-browser.ts'
import { fixedPortFlags } from './free-ports.ts'
import { makeDataDir, type RelayProcess, removeDataDir, startRelayProcess } from './relay-process.ts'

const ASK_EVERY_MS = 100
/** From before the kill until a while after. */
const BEFORE_MS = 1_000
const ROUND_MS = 8_000
const PATIENCE_MS = 120_000
const LOOK_EVERY_MS = 250
/** Of all questions of a run with kills. */
export const LATE_SHARE = 0.95

/** A relay that comes back at the same addresses. */
export interface Machine {
  readonly dataDir: string
  /** With which it is started again. */
  readonly flags: readonly string[]
  readonly peerId: string
  process: RelayProcess
}

export interface Machines {
  readonly all: readonly Machine[]
  start(...flags: string[]): Promise<Machine>
  end(): Promise<void>
}

export function createMachines(): Machines {
  const all: Machine[] = []
  return {
    all,
    async start(...more) {
      const dataDir = await makeDataDir()
      const ports = await fixedPortFlags()
      // On loopback there is nothing that a relay would name by itself.
      const address = `/ip4/127.0.0.1/tcp/${ports[ports.indexOf('--tcp-port') + 1]}`
      const flags = [...ports, '--announce', address]
      const process = await startRelayProcess({ dataDir, flags: [...flags, ...more] })
      const link = parseJoinLink(process.joinUrl)
      const peerId = link.ok ? link.value.link.addresses[0]?.split('/p2p/')[1] : undefined
      if (peerId === undefined) throw new Error(`no peer ID in ${process.joinUrl}`)
      const machine = { dataDir, flags, peerId, process }
      all.push(machine)
      return machine
    },
    async end() {
      for (const { process } of all) await process.kill()
      for (const { dataDir } of all) await removeDataDir(dataDir)
    },
  }
}

export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined>,
  patienceMs = PATIENCE_MS,
): Promise<Value> {
  for (const end = Date.now() + patienceMs; Date.now() < end; ) {
    const value = await look()
    if (value !== undefined) return value
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new Error(`it did not come to this: ${what}`)
}

export interface KillFigures {
  /** Time to answer of each question, ms: undisturbed, and while servers died. */
  readonly calm: readonly number[]
  readonly disturbed: readonly number[]
  /** From each kill until a browser that it concerned had a new primary and a new standby, ms. */
  readonly moves: readonly number[]
}

/**
 * Kills the primary of one browser after the other, and starts it again. Every question of every browser must be answered, with
 * the verdict that is right.
 */
export async function killRounds(init: {
  readonly machines: readonly Machine[]
  readonly browsers: readonly AuditingBrowser[]
  readonly kills: number
  readonly calmMs: number
  /** What is true of the ID that all ask about. */
  readonly verdict: string
  /** One for each browser; absent: one that is not in the ledger. */
  readonly ids?: readonly string[]
}): Promise<KillFigures> {
  const { machines, browsers, kills } = init
  const ask = async (forMs: number) => {
    const all = await Promise.all(browsers.map((browser, i) => browser.auditEvery(ASK_EVERY_MS, forMs, init.ids?.[i])))
    expect(all.flat().filter(({ verdict }) => verdict !== init.verdict)).toEqual([])
    return all.flat().map(({ ms }) => ms)
  }
  for (const browser of browsers) await served(browser)
  const calm = await ask(init.calmMs)
  const disturbed: number[] = []
  const moves: number[] = []
  for (let kill = 0; kill < kills; kill++) {
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
          ({ at, primary: first, standby }) =>
            at > killedAt &&
            first !== undefined &&
            standby !== undefined &&
            first !== machine.peerId &&
            standby !== machine.peerId,
        ),
      )
      moves.push(stands.at - killedAt)
    }
    if (kill + 1 === kills) break
    machine.process = await startRelayProcess({ dataDir: machine.dataDir, flags: [...machine.flags] })
    await eventually(
      'the server of before serves again',
      async () => (await victim.duties()).at(-1)?.primary === machine.peerId || undefined,
    )
  }
  return { calm, disturbed, moves }
}

/** Its primary and standby, once both stand. */
async function served(browser: AuditingBrowser): Promise<{ primary: string; standby: string }> {
  return eventually('it has a primary and a standby', async () => {
    const { primary, standby } = (await browser.duties()).at(-1) ?? {}
    return primary === undefined || standby === undefined ? undefined : { primary, standby }
  })
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

/** For a person, and the record. */
export function printFigures({ calm, disturbed, moves }: KillFigures, kills: number): void {
  const said = (times: readonly number[]) =>
    `median ${quantile(times, 0.5).toFixed(0)} ms, 95th ${quantile(times, LATE_SHARE).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms of ${times.length}`
  console.log(`calm: ${said(calm)}`)
  console.log(`${kills} kills: ${said(disturbed)}`)
  console.log(`95th, disturbed over calm: ${(quantile(disturbed, LATE_SHARE) / quantile(calm, LATE_SHARE)).toFixed(2)}`)
  console.log(`new primary and standby: median ${quantile(moves, 0.5)} ms, longest ${Math.max(...moves)} ms`)
}
