import { concatBytes, equalBytes } from '../../shared/bytes.ts'
import { maxAhead } from '../../shared/chain/clock-rules.ts'
import { expandTarget } from '../../shared/chain/target.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { type Header, hashHeader, headerCodec, type SealedHeader } from '../../shared/header/header.ts'
import { sealMessage } from '../../shared/header/seal.ts'
import type { NetworkParameters } from '../../shared/params.ts'
import type { ClockFault, ClockGuard } from './clock-guard.ts'
import type { Hasher } from './hasher.ts'
import { createSealGuard, type SealedOnParent } from './seal-guard.ts'
import type { MinerClock } from './system-clock.ts'

/** A header to be mined, with whatever the source needs to store its block. */
export interface MiningTemplate {
  /** All but the nonce, which is 0. `time` is max(the time asked for, parent's time + 1). */
  readonly header: Header
}

/** The full node, as the miner sees it. */
export interface BlockSource<Template extends MiningTemplate> {
  /** Header time of the tip, ms. */
  tipTime(): number
  /**
   * The next block on the tip, or why there is none to mine: this node holds no seat, has sealed on this tip already,
   * or must first ask its peers.
   */
  template(time: number): Promise<Template | { readonly wait: string }>
  /**
   * Stores header, body and seal in one atomic write, before anything is sent. `stale`: the tip has moved, nothing was
   * stored. A throw means that nothing is known; the same header comes again.
   */
  submit(sealed: SealedHeader, template: Template): Promise<SubmitOutcome>
}

export type SubmitOutcome = 'stored' | 'stale'

export type MinerState =
  | { readonly kind: 'off' }
  | { readonly kind: 'mining' }
  /** Nothing to mine; the sentence says why. */
  | { readonly kind: 'waiting'; readonly sentence: string }
  | { readonly kind: 'clock'; readonly fault: ClockFault; readonly sentence: string }
  /** Something broke; tried again after RETRY_MS. */
  | { readonly kind: 'failed'; readonly sentence: string }

export interface MinerInit<Template extends MiningTemplate> {
  readonly networkId: Uint8Array
  readonly parameters: NetworkParameters
  readonly hasher: Hasher
  readonly clock: MinerClock
  readonly guard: ClockGuard
  readonly source: BlockSource<Template>
  /** Holds the sealing key; a recovery may put another in its place. */
  readonly signer: Signer
  /** What this key sealed last, from storage: it is never signed against. */
  readonly sealedBefore?: Iterable<SealedOnParent>
  /** After the block was stored. */
  readonly onSealed?: (sealed: SealedHeader, template: Template) => void
  /** Each time the state changes. */
  readonly onState?: (state: MinerState) => void
}

export interface Miner {
  readonly state: MinerState
  /** Hashes per second over the last half a minute of mining. */
  hashesPerSecond(): number
  start(): void
  /** The tip has moved, or a transaction must not wait: a new template is asked for at once. */
  refresh(): void
  /** Resolves when nothing runs any more. The hasher stays open. */
  stop(): Promise<void>
}

/** A template lives for a tenth of a spacing, within these bounds, ms: the header's time stays near the clock. */
const MIN_REFRESH_MS = 250
const MAX_REFRESH_MS = 3_000
/** Older than this is only what a sleep has interrupted: its time is that before the sleep. */
const MAX_TEMPLATE_AGE_MS = 30_000
const RETRY_MS = 1_000
/** Samples of the hash counter, one a template, over which the rate is taken. */
const MAX_RATE_SAMPLES = 120
const RATE_WINDOW_MS = 30_000

/** How long a template is searched before a newer one is asked for, ms. */
export function refreshMsOf({ spacingMs }: Pick<NetworkParameters, 'spacingMs'>): number {
  return Math.min(MAX_REFRESH_MS, Math.max(MIN_REFRESH_MS, spacingMs / 10))
}

/** Asks for a template, searches, seals, submits, for ever. Never seals two headers on one parent. */
export function createMiner<Template extends MiningTemplate>(init: MinerInit<Template>): Miner {
  const { networkId, hasher, clock, guard, source, signer } = init
  const refreshMs = refreshMsOf(init.parameters)
  const aheadMs = maxAhead(init.parameters)
  /** A new key may seal where the one before has. */
  const withKey = (parentHash: Uint8Array) => concatBytes(signer.publicKey, parentHash)
  const seals = createSealGuard(
    [...(init.sealedBefore ?? [])].map((one) => ({ ...one, parentHash: withKey(one.parentHash) })),
  )
  let state: MinerState = { kind: 'off' }
  let running: { readonly stopped: AbortController; readonly done: Promise<void> } | undefined
  /** Ends the search or the pause in progress. */
  let wake = new AbortController()
  let samples: { readonly at: number; readonly hashes: number }[] = []

  function enter(next: MinerState): void {
    if (JSON.stringify(next) === JSON.stringify(state)) return
    state = next
    if (next.kind !== 'mining') samples = []
    init.onState?.(next)
  }

  function sample(): void {
    const at = clock.steady()
    samples.push({ at, hashes: hasher.totals().hashes })
    while (samples.length > MAX_RATE_SAMPLES || at - (samples[0]?.at ?? at) > RATE_WINDOW_MS) samples.shift()
  }

  /** Until the time is over or refresh() or stop() is called. */
  function pause(ms: number): Promise<void> {
    const { signal } = wake
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = clock.after(ms, end)
      signal.addEventListener('abort', end)
    })
  }

  async function searchNonce(header: Header): Promise<number | undefined> {
    const target = expandTarget(header.target)
    if (target === undefined)
      throw new LaresError('bad-template', `target ${header.target.toString(16)} is not canonical`)
    const { signal } = wake
    const over = new AbortController()
    const end = () => over.abort()
    const cancel = clock.after(refreshMs, end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    try {
      return await hasher.search(headerCodec.encode(header), target, { signal: over.signal })
    } catch (error) {
      if (error instanceof LaresError && error.code === 'search-cancelled') return undefined
      throw error
    } finally {
      cancel()
      signal.removeEventListener('abort', end)
    }
  }

  /** Undefined while the clock is good. */
  function clockFault(): MinerState | undefined {
    const verdict = guard.observe({ wall: clock.now(), steady: clock.steady(), tipTime: source.tipTime() })
    return verdict.ok ? undefined : { kind: 'clock', fault: verdict.fault, sentence: verdict.sentence }
  }

  /** One template: a block, or a state in which to pause. */
  async function step(): Promise<number> {
    const fault = clockFault()
    if (fault !== undefined) {
      enter(fault)
      return refreshMs
    }
    const asked = clock.steady()
    const template = await source.template(clock.now())
    if ('wait' in template) {
      enter({ kind: 'waiting', sentence: template.wait })
      return refreshMs
    }
    const { header } = template
    // Whoever took a parent that is ahead of the clock takes this block too. Who waited for the clock to get there would
    // leave the search, and most blocks, to a keeper that dates its own as late as the rules allow.
    const tooEarly = header.time - clock.now() - aheadMs
    if (tooEarly > 0) {
      enter({ kind: 'waiting', sentence: 'The last block is ahead of the clock.' })
      return Math.min(tooEarly, refreshMs)
    }
    const parentHash = withKey(header.previousHash)
    if (seals.hasSealedOn(parentHash)) {
      enter({ kind: 'waiting', sentence: 'This relay has sealed a block on the last block already.' })
      return refreshMs
    }
    enter({ kind: 'mining' })
    sample()
    const nonce = await searchNonce(header)
    sample()
    if (nonce === undefined) return 0
    // A machine that slept in the middle of a search must not seal what it finds on waking up.
    if (wake.signal.aborted || clockFault() !== undefined || clock.steady() - asked > MAX_TEMPLATE_AGE_MS) return 0
    // Another key has taken over meanwhile, which the parent's roster does not have.
    if (!equalBytes(withKey(header.previousHash), parentHash)) return 0
    const mined = { ...header, nonce }
    // Noted before it is signed: whatever happens now, no other header on this parent will be.
    seals.note({ parentHash, headerHash: hashHeader(mined) })
    await sealAndSubmit(mined, template)
    return 0
  }

  /** This is the only header there will be on its parent, so what fails is tried again with the same one. */
  async function sealAndSubmit(header: Header, template: Template): Promise<void> {
    let sealed: SealedHeader | undefined
    for (;;) {
      try {
        sealed ??= { header, seal: await signer.sign(sealMessage(networkId, hashHeader(header))) }
        if ((await source.submit(sealed, template)) === 'stored') init.onSealed?.(sealed, template)
        return
      } catch (error) {
        const why = asSentence((error as Error).message)
        enter({ kind: 'failed', sentence: `A block was found but could not be stored, and is tried again: ${why}` })
      }
      if (running?.stopped.signal.aborted) return
      wake = new AbortController()
      await pause(RETRY_MS)
    }
  }

  async function run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      wake = new AbortController()
      let pauseMs: number
      try {
        pauseMs = await step()
      } catch (error) {
        const why = asSentence((error as Error).message)
        enter({ kind: 'failed', sentence: `Mining failed, and is tried again: ${why}` })
        pauseMs = RETRY_MS
      }
      if (pauseMs > 0 && !stopped.aborted) await pause(pauseMs)
    }
    enter({ kind: 'off' })
  }

  return {
    get state() {
      return state
    },
    hashesPerSecond() {
      const first = samples[0]
      if (first === undefined) return 0
      const elapsed = clock.steady() - first.at
      return elapsed <= 0 ? 0 : ((hasher.totals().hashes - first.hashes) / elapsed) * 1000
    },
    start() {
      if (running !== undefined) return
      const stopped = new AbortController()
      running = { stopped, done: run(stopped.signal) }
    },
    refresh() {
      wake.abort()
    },
    async stop() {
      const { stopped, done } = running ?? {}
      stopped?.abort()
      wake.abort()
      await done
      running = undefined
    },
  }
}

const asSentence = (message: string) => (message.endsWith('.') ? message : `${message}.`)
