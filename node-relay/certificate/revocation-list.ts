import type { Certificate } from './certificate.ts'

/** What one issuer says of its own certificates: a CRL, or an entry of a Matter revocation set. */
export interface RevocationList {
  /** The issuer's name, DER. */
  readonly issuer: Uint8Array
  /** As `serialText` writes them. */
  readonly serialNumbers: ReadonlySet<string>
  /** ms, inclusive; undefined where nothing says of which time it is. */
  readonly from: number | undefined
  readonly until: number | undefined
  /** Whether this issuer, with this very key, says so. */
  isFrom(issuer: Certificate): boolean
}
