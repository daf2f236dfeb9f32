/**
 * Mining without hashing: block times are drawn at random from hash rate and target, all else (difficulty, work of a target,
 * how far ahead a header may be) is the real code. Every miner hears of a block at once.
 */
import { maxAhead } from '../../shared/chain/clock-rules.ts'
import { nextTarget } from '../../shared/chain/difficulty.ts'
import { compactTarget, expandTarget, workOfTarget } from '../../shared/chain/target.ts'
import type { NetworkParameters } from '../../shared/params.ts'

export interface SimulatedBlock {
  /** What the header says, ms. */
  readonly time: number
  /** When it was found, ms. */
  readonly foundAt: number
  /** compact */
  readonly target: number
  /** Number of the miner, -1 for genesis. */
  readonly miner: number
}

export interface SimulatedMiner {
  /** Hashes per second. */
  readonly rate: number
  /** Whether it searches on a parent of this header time. Default: always. */
  readonly mines?: (now: number, parentTime: number) => boolean
  /** The header time it would like; the rules allow parent's + 1 up to now + maxAhead. Default: now. */
  readonly time?: (now: number, parent: SimulatedBlock) => number
}

/** Target at which this hash rate finds a block each spacing. */
export function targetFor(rate: number, { spacingMs }: NetworkParameters): number {
  return compactTarget((1n << 256n) / BigInt(Math.round((rate * spacingMs) / 1000)))
}

/** Expected time for a block at this target, ms. */
export function expectedMs(target: number, rate: number): number {
  return (Number(workOfTarget(expandTarget(target) as bigint)) / rate) * 1000
}

/** Who mines stands still is asked again this often, spacings. */
const STEP_SPACINGS = 1 / 20

export class SimulatedChain {
  readonly blocks: SimulatedBlock[]
  readonly #parameters: NetworkParameters
  readonly #random: () => number

  constructor(parameters: NetworkParameters, target: number, random: () => number) {
    this.#parameters = parameters
    this.#random = random
    this.blocks = [{ time: 0, foundAt: 0, target, miner: -1 }]
  }

  get tip(): SimulatedBlock {
    return this.blocks.at(-1) as SimulatedBlock
  }

  /** Mines so many blocks, from a moment on. */
  mine(count: number, miners: readonly SimulatedMiner[], from = this.tip.foundAt): readonly SimulatedBlock[] {
    const start = this.blocks.length
    let now = from
    while (this.blocks.length < start + count) now = this.#step(now, miners)
    return this.blocks.slice(start)
  }

  /** Mines until the clock says so. */
  mineUntil(until: number, miners: readonly SimulatedMiner[], from = this.tip.foundAt): readonly SimulatedBlock[] {
    const start = this.blocks.length
    for (let now = from; now < until; ) now = this.#step(now, miners, until)
    return this.blocks.slice(start)
  }

  /** One block, or a while without one. Finding blocks has no memory, so a search may start anew at any moment. */
  #step(now: number, miners: readonly SimulatedMiner[], until = Number.POSITIVE_INFINITY): number {
    const parent = this.tip
    const target = nextTarget(this.#parameters, parent, this.blocks.at(-2))
    const active = miners.map(({ rate, mines }) => (mines?.(now, parent.time) === false ? 0 : rate))
    const rate = active.reduce((sum, one) => sum + one, 0)
    const gap = -Math.log(1 - this.#random()) * expectedMs(target, rate)
    const isSteady = active.every((one) => one > 0)
    const next = Math.min(until, isSteady ? until : now + this.#parameters.spacingMs * STEP_SPACINGS)
    if (now + gap > next) return next
    const foundAt = now + gap
    let pick = this.#random() * rate
    const miner = active.findIndex((one) => {
      pick -= one
      return pick < 0
    })
    const wanted = Math.round(miners[miner]?.time?.(foundAt, parent) ?? foundAt)
    const latest = Math.floor(foundAt + maxAhead(this.#parameters))
    const time = Math.max(parent.time + 1, Math.min(wanted, latest))
    this.blocks.push({ time, foundAt, target, miner })
    return foundAt
  }
}
