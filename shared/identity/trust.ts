import type { TrustCounters } from './record.ts'

/** One unit of trust evidence. */
export const TRUST_UNIT = 2 ** 20
/** Weight of the neutral prior: a newcomer scores 125. */
const PRIOR = 8 * TRUST_UNIT
/** After this many empty epochs every counter has decayed to nothing or to its fixed point below one unit's rounding. */
const MAX_DECAY_STEPS = 4096

export const NEW_TRUST: Omit<TrustCounters, 'epoch'> = { rE: 0, sE: 0, rO: 0, sO: 0 }

/** Counters at a later epoch in which nothing more was added (DESIGN 6; decay by floor division). */
export function trustAt(counters: TrustCounters, epoch: number): TrustCounters {
  let { rE, sE, rO, sO } = counters
  const steps = Math.min(epoch - counters.epoch, MAX_DECAY_STEPS)
  for (let i = 0; i < steps && rE + sE + rO + sO > 0; i++) {
    rE = Math.floor((rE * 15) / 16)
    sE = Math.floor((sE * 63) / 64)
    rO = Math.floor((rO * 3) / 4)
    sO = Math.floor((sO * 3) / 4)
  }
  return { epoch: Math.max(epoch, counters.epoch), rE, sE, rO, sO }
}

/**
 * Trust 0..1000: floor(1000 * (rE + rO + W/8) / (rE + rO + sE + sO + W)). All terms stay below 2^36, so doubles are
 * exact. (Basis: Jøsang and Ismail 2002; Škorić et al. 2016.)
 */
export function trustScore({ rE, sE, rO, sO }: TrustCounters): number {
  return Math.floor((1000 * (rE + rO + PRIOR / 8)) / (rE + rO + sE + sO + PRIOR))
}
