/** One Ed25519 signature to be judged. Lengths are not trusted: a wrong one makes the verdict false. */
export interface SignatureCheck {
  /** A: compressed point, 32 bytes. */
  readonly publicKey: Uint8Array
  /** What was signed, any length. */
  readonly message: Uint8Array
  /** R (compressed point) and S (little endian), 64 bytes. */
  readonly signature: Uint8Array
}

/**
 * The seam behind which every signature is verified. All implementations give the same verdict on every input,
 * since a difference splits the chain:
 *
 * 1. {@link passesRules} (ed25519-rules.ts), then
 * 2. h = SHA-512(R || A || M) mod L, and the encoding of [S]B − [h]A equals the bytes of R. The cofactor is never
 *    cleared (RFC 8032 section 5.1.7 allows both; the two differ when A or R has a torsion part).
 *
 * Never throws and never rejects on foreign input: what is malformed is false.
 */
export interface SignatureVerifier {
  verify(check: SignatureCheck): boolean | Promise<boolean>
  /** One verdict per check, in order. A bad one does not touch its neighbours. */
  verifyBatch(checks: readonly SignatureCheck[]): Promise<boolean[]>
}

/** For pure, synchronous rules such as the ledger's apply. */
export interface SyncSignatureVerifier {
  verifySync(check: SignatureCheck): boolean
}
