import type { Result } from '../../shared/errors.ts'

/** The policy for people and the command line. JSON-ready; hashes and keys in hex. */
export interface PolicyView {
  readonly networkId: string
  /** Counts the policies of this network from 0. */
  readonly number: number
  readonly owners: { readonly threshold: number; readonly keys: readonly string[] }
  /** SHA-256 of the DER of each trusted root certificate. */
  readonly trustRoots: readonly string[]
  /** Encoded. */
  readonly policy: string
}

export interface PolicyDesk {
  view(): PolicyView
  /** An encoded policy and the owners' signatures. */
  submit(policy: Uint8Array, signatures: readonly { owner: number; signature: Uint8Array }[]): Promise<Result<null>>
}
