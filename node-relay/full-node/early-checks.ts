import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'

/** Signatures verified while the rest of their block is still being applied: enough for all threads to share. */
const BATCH_CHECKS = 512

/** The signatures of a block as they come to light, verified in batches beside whatever else goes on. */
export class EarlyChecks {
  readonly #verifier: SignatureVerifier
  readonly #batches: Promise<boolean>[] = []
  #open: SignatureCheck[] = []

  constructor(verifier: SignatureVerifier) {
    this.#verifier = verifier
  }

  add(checks: readonly SignatureCheck[]): void {
    this.#open.push(...checks)
    if (this.#open.length >= BATCH_CHECKS) this.#verify()
  }

  /** Whether every one of them holds. */
  async allHold(): Promise<boolean> {
    if (this.#open.length > 0) this.#verify()
    return (await Promise.all(this.#batches)).every(Boolean)
  }

  #verify(): void {
    const batch = this.#verifier.verifyBatch(this.#open).then((verdicts) => verdicts.every(Boolean))
    // Whoever finds another fault of the block does not wait for these.
    batch.catch(() => undefined)
    this.#batches.push(batch)
    this.#open = []
  }
}
