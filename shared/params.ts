import * as P from 'micro-packed'

/**
 * What a network fixes at its genesis and never by policy. Committed to by the genesis header, so two networks with
 * different parameters have different IDs.
 */
export interface NetworkParameters {
  /** Wanted time between blocks, ms. */
  readonly spacingMs: number
  /** Blocks on top of a settled header. */
  readonly settleDepth: number
  /** Header time on top of a settled header, seconds. */
  readonly settleSeconds: number
  /** An epoch ends at the first block at least this long after its start, seconds. */
  readonly epochSeconds: number
  /** Easiest target allowed, compact form. */
  readonly targetLimit: number
  /** Target of the genesis header, compact form. */
  readonly initialTarget: number
  /** How many spacings of surplus time double the target, roughly: the inertia of WTEMA. */
  readonly difficultyWindow: number
}

/** The two that the difficulty divides by are never zero: a made-up network must not stop who looks at it. */
export const networkParametersCoder: P.CoderType<NetworkParameters> = P.validate(
  P.struct({
    spacingMs: P.U32BE,
    settleDepth: P.U16BE,
    settleSeconds: P.U32BE,
    epochSeconds: P.U32BE,
    targetLimit: P.U32BE,
    initialTarget: P.U32BE,
    difficultyWindow: P.U16BE,
  }),
  (parameters) => {
    if (parameters.spacingMs < 1 || parameters.difficultyWindow < 1)
      throw new Error('no spacing, or no difficulty window')
    return parameters
  },
)

export type PresetName = 'home' | 'test'

/** 2^-8 of all hashes pass: even a board without a fast hash finds one in well under a second. */
const EASIEST_TARGET = 0x2000ffff

export const PRESETS: Readonly<Record<PresetName, NetworkParameters>> = {
  home: {
    spacingMs: 30_000,
    settleDepth: 6,
    settleSeconds: 120,
    epochSeconds: 86_400,
    targetLimit: EASIEST_TARGET,
    initialTarget: EASIEST_TARGET,
    difficultyWindow: 72,
  },
  test: {
    spacingMs: 1_000,
    settleDepth: 2,
    settleSeconds: 1,
    epochSeconds: 16,
    targetLimit: EASIEST_TARGET,
    initialTarget: EASIEST_TARGET,
    difficultyWindow: 24,
  },
}

/** One gap between headers counts as this many spacings at most, so sleep does not make mining easy (DESIGN 2). */
export const MAX_GAP_SPACINGS = 4
