import { maxAhead } from '../../shared/chain/clock-rules.ts'
import type { NetworkParameters } from '../../shared/params.ts'

/**
 * Whether this machine's clock may be trusted to date a block: a block from the future is held by everyone else, and
 * stops its own miner until that future has come.
 *
 * "Steady" is a clock that counts on while the wall clock may be set: uptime including sleep where the system has it
 * (`os.uptime()`), so that a night's sleep is no step at all. Where it stands still during sleep, or a virtual machine was
 * paused, waking up looks like a step forward. "Peers" are the clocks of at least MIN_PEER_CLOCKS peers, by their median;
 * with fewer, peers are silent. "Step" is a change of wall minus steady by more than STEP_BOUND_MS from where it was last
 * trusted. Rows are looked at from above, the first that fits decides.
 *
 * | wall clock                                  | peers          | decision                                              |
 * |---------------------------------------------|----------------|-------------------------------------------------------|
 * | before genesis                              | any            | stop until it is right                                |
 * | behind the tip by more than maxAhead        | any            | stop until it is right                                |
 * | off the peers' median by more than maxAhead | speak          | stop until it is right                                |
 * | agrees with the peers' median               | speak          | mine; a step is trusted from now on                   |
 * | start, last block over MAX_PAUSE_MS old     | silent         | stop until it is right, peers agree or a person says so |
 * | no step                                     | silent         | mine                                                  |
 * | step back                                   | silent         | stop; trusted once steady for `confirmMs`             |
 * | step forward, MAX_JUMP_MS at most           | silent         | stop; trusted once steady for `confirmMs`             |
 * | step forward, more                          | silent         | stop until it is right, peers agree or a person says so |
 *
 * A step back that is long enough to matter is behind the tip, so the second row holds it. Trust does not move while
 * mining is stopped: a clock put right is within the bound of where it was trusted, and mining goes on at once.
 */
export interface ClockGuard {
  /** Judges the clocks now. Call it before each search and before each seal. */
  observe(sample: ClockSample): ClockVerdict
  /**
   * Notes the clock of a peer. Only of peers that cost something to be (keepers, own devices), one source for each
   * address: three strangers could stop the miner.
   *
   * @param source who says so; a newer reading replaces its older one
   * @param peerTime ms since the Unix epoch
   */
  notePeerClock(source: string, peerTime: number, steady: number): void
  /** A person says that the clock is right as it is now. */
  confirm(): void
}

export interface ClockSample {
  /** ms since the Unix epoch */
  readonly wall: number
  /** ms since any moment, never set */
  readonly steady: number
  /** Header time of the tip, ms since the Unix epoch. */
  readonly tipTime: number
}

export type ClockFault =
  | 'before-genesis'
  | 'behind-tip'
  | 'peers-disagree'
  | 'long-pause'
  | 'stepped-back'
  | 'stepped-forward'

export type ClockVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly fault: ClockFault /** For people. */; readonly sentence: string }

export interface ClockGuardInit {
  readonly parameters: NetworkParameters
  /** ms since the Unix epoch */
  readonly genesisTime: number
}

/** Wall and steady clock are read one after the other, and time services nudge: less than this is no step. */
export const STEP_BOUND_MS = 4_000
/** A longer step forward is more likely a wrong date than a paused machine. */
export const MAX_JUMP_MS = 7 * 86_400_000
/** A relay that was off for longer is more likely one whose date is wrong. */
export const MAX_PAUSE_MS = 200 * 86_400_000
/** Fewer peers are silent: one or two wrong clocks must not decide. */
export const MIN_PEER_CLOCKS = 3
/** Readings kept; when full the oldest goes. */
export const MAX_PEER_CLOCKS = 64
/** Older readings do not count, ms. */
export const PEER_CLOCK_LIFETIME_MS = 10 * 60_000
const SAY_SO = 'If the date is right, say so with "lares clock confirm"'
const MIN_CONFIRM_MS = 5_000
const MAX_CONFIRM_MS = 60_000

/** How long a step must persist before it is trusted without peers: two spacings, 5 s to 60 s. ms */
export function confirmMsOf({ spacingMs }: Pick<NetworkParameters, 'spacingMs'>): number {
  return Math.min(MAX_CONFIRM_MS, Math.max(MIN_CONFIRM_MS, 2 * spacingMs))
}

/** A state machine without a clock of its own. */
export function createClockGuard({ parameters, genesisTime }: ClockGuardInit): ClockGuard {
  const ahead = maxAhead(parameters)
  const confirmMs = confirmMsOf(parameters)
  /** Wall minus steady where it is trusted; undefined until the first good sample. */
  let trusted: number | undefined
  /** A step that is not trusted yet: wall minus steady, and since when it has stood there. */
  let suspect: { offset: number; readonly since: number } | undefined
  let lastOffset: number | undefined
  let confirmed = false
  const peers = new Map<string, { readonly offset: number; readonly at: number }>()

  function peerOffset(steady: number): number | undefined {
    for (const [source, { at }] of peers) if (steady - at > PEER_CLOCK_LIFETIME_MS) peers.delete(source)
    if (peers.size < MIN_PEER_CLOCKS) return undefined
    const offsets = [...peers.values()].map(({ offset }) => offset).sort((a, b) => a - b)
    const middle = offsets.length >> 1
    const upper = offsets[middle] as number
    return offsets.length % 2 === 1 ? upper : ((offsets[middle - 1] as number) + upper) / 2
  }

  function trust(offset: number): ClockVerdict {
    trusted = offset
    suspect = undefined
    return { ok: true }
  }

  function judgeStep(offset: number, { wall, steady, tipTime }: ClockSample): ClockVerdict {
    if (trusted === undefined) {
      if (wall - tipTime <= MAX_PAUSE_MS) return trust(offset)
      return stop('long-pause', `the last block is ${days(wall - tipTime)} old. ${SAY_SO}`)
    }
    const step = offset - trusted
    // Trust follows the small steps, since no crystal is exact.
    if (Math.abs(step) <= STEP_BOUND_MS) return trust(offset)
    if (suspect === undefined || Math.abs(offset - suspect.offset) > STEP_BOUND_MS) suspect = { offset, since: steady }
    const persisted = steady - suspect.since >= confirmMs
    if (step < 0) return persisted ? trust(offset) : stop('stepped-back', `it was set back by ${duration(-step)}`)
    if (step > MAX_JUMP_MS) return stop('stepped-forward', `it jumped ahead by ${duration(step)}. ${SAY_SO}`)
    return persisted ? trust(offset) : stop('stepped-forward', `it jumped ahead by ${duration(step)}, or slept`)
  }

  return {
    observe(sample) {
      const { wall, steady, tipTime } = sample
      const offset = wall - steady
      // After a jump ahead the steady clock may have stood still, and what peers said before is as old as the sleep.
      if (lastOffset !== undefined && offset - lastOffset > STEP_BOUND_MS) peers.clear()
      lastOffset = offset
      const sure = confirmed
      confirmed = false

      if (wall < genesisTime)
        return stop('before-genesis', `it says ${date(wall)}, but the network began on ${date(genesisTime)}`)
      if (tipTime - wall > ahead)
        return stop('behind-tip', `it says ${date(wall)}, but the last block is of ${date(tipTime)}`)
      const peersSay = peerOffset(steady)
      if (peersSay !== undefined) {
        if (Math.abs(peersSay - offset) <= ahead) return trust(offset)
        return stop('peers-disagree', `it says ${date(wall)}, but other nodes say ${date(peersSay + steady)}`)
      }
      return sure ? trust(offset) : judgeStep(offset, sample)
    },
    notePeerClock(source, peerTime, steady) {
      peers.delete(source)
      peers.set(source, { offset: peerTime - steady, at: steady })
      const oldest = peers.keys().next().value
      if (peers.size > MAX_PEER_CLOCKS && oldest !== undefined) peers.delete(oldest)
    },
    confirm() {
      confirmed = true
    },
  }
}

function stop(fault: ClockFault, why: string): ClockVerdict {
  return { ok: false, fault, sentence: `Mining is stopped because of this computer's clock: ${why}.` }
}

function date(time: number): string {
  const value = new Date(Math.round(time))
  return Number.isNaN(value.getTime())
    ? 'an impossible date'
    : `${value.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function days(ms: number): string {
  return `${Math.round(ms / 86_400_000)} days`
}

function duration(ms: number): string {
  if (ms >= 2 * 86_400_000) return days(ms)
  if (ms >= 2 * 3_600_000) return `${Math.round(ms / 3_600_000)} hours`
  if (ms >= 2 * 60_000) return `${Math.round(ms / 60_000)} minutes`
  return `${Math.round(ms / 1000)} seconds`
}
