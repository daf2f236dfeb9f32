/**
 * A clock that runs faster for everything that a ledger calls time: the relay's injected clock, and Date and timers of the
 * page's worker. The wire keeps real time (libp2p's heartbeats and timeouts, on the page and in the relay): a packet cannot
 * be hurried.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MinerClock, systemClock } from '../../node-relay/mining/system-clock.ts'

export interface FastClock {
  /** When it was right, ms since the Unix epoch; the same for all who share it. */
  readonly origin: number
  /** Its seconds in one real second. */
  readonly speed: number
}

/** A timer of the miner is never shorter than this, ms, unless it was asked to be. */
const RELAY_FLOOR_MS = 100
/** The same for a worker's ticks: half a minute of the clock at speed 60, less than what counts as a sleep. */
const TICK_FLOOR_MS = 500
/** A delay of this length is patience with the wire rather than a tick, ms: it gets PATIENCE_FLOOR_MS. */
const PATIENCE_FROM_MS = 8_000
const PATIENCE_FLOOR_MS = 3_000

/** What it shows, ms since the Unix epoch. */
export function fastTime({ origin, speed }: FastClock): number {
  return Math.round(origin + (Date.now() - origin) * speed)
}

export function fastMinerClock(clock: FastClock): MinerClock {
  return {
    now: () => fastTime(clock),
    steady: () => systemClock.steady() * clock.speed,
    after: (delayMs, task) =>
      systemClock.after(Math.max(delayMs / clock.speed, Math.min(delayMs, RELAY_FLOOR_MS)), task),
  }
}

/** Puts the clock in front of the worker's script of a built page (a copy: the file is changed). */
export async function hurryWorker(webRoot: string, clock: FastClock): Promise<void> {
  const assets = join(webRoot, 'assets')
  const scripts = (await readdir(assets)).filter((name) => /^main-.*\.js$/.test(name))
  const [script] = scripts
  if (script === undefined || scripts.length > 1) throw new Error(`the worker's script in ${assets}: ${scripts}`)
  const file = join(assets, script)
  await writeFile(file, `${workerPrelude(clock)}\n${await readFile(file, 'utf8')}`)
}

function workerPrelude({ origin, speed }: FastClock): string {
  return `{
    const RealDate = Date
    const now = () => Math.round(${origin} + (RealDate.now() - ${origin}) * ${speed})
    globalThis.Date = class extends RealDate {
      constructor(...parts) {
        if (parts.length === 0) super(now())
        else super(...parts)
      }
      static now() {
        return now()
      }
    }
    const realTimeout = setTimeout
    globalThis.setTimeout = (task, ms = 0, ...rest) => {
      const floor = ms < ${PATIENCE_FROM_MS} ? ${TICK_FLOOR_MS} : ${PATIENCE_FLOOR_MS}
      return realTimeout(task, Math.max(ms / ${speed}, Math.min(ms, floor)), ...rest)
    }
  }`
}
