/** Contract between the hasher and its worker threads. Types and constants only. */

/** Nonces tried between two looks at the clock and at the cancel flag: about a millisecond. */
export const BATCH_NONCES = 128
/** A thread works this long at a stretch before it idles for its duty cycle, ms: shorter than a dropped frame. */
export const SLICE_MS = 10
/** The smaller the share, the shorter it works at a stretch (down to one batch): it does not idle for much longer than this, ms. */
export const REST_MS = 1_000
/** All nonces of a header: u32. */
export const NONCE_SPACE = 2 ** 32

/**
 * Memory shared by all threads. `control[0]` is the number of the job that is wanted: a thread stops as soon as it is
 * not its own, and waits on it while it idles. `counters[0]` counts hashes, `counters[1]` microseconds spent on them.
 */
export interface HashWorkerData {
  readonly control: Int32Array<SharedArrayBuffer>
  readonly counters: BigInt64Array<SharedArrayBuffer>
}

export interface HashJob {
  readonly job: number
  /** Encoded header; its last four bytes are the nonce. */
  readonly template: Uint8Array
  /** 32 bytes, big endian. */
  readonly target: Uint8Array
  /** Share of one core that this thread may use, above 0, at most 1. */
  readonly share: number
  /** First nonce of this thread, the distance to its next, and where to end. */
  readonly first: number
  readonly step: number
  readonly end: number
}

export interface HashAnswer {
  readonly job: number
  /** Undefined: cancelled, or none of this thread's nonces meets the target. */
  readonly nonce: number | undefined
}
