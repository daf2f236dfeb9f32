import type { Result } from '../../shared/errors.ts'

/** What a certified device came in by. JSON-ready; hashes in hex, times in ms, device IDs as text. */
export interface EvidenceView {
  readonly deviceId: string
  readonly status: 'active' | 'retired'
  /** SHA-256 of the evidence, as the chain states it. */
  readonly evidence: string
  /** The block that states it; undefined: its last renewal, which is not found without its evidence. */
  readonly stated: { readonly height: number; readonly time: number } | undefined
  /** By a renewal, not by the registration. */
  readonly renewed: boolean
  /** Of the certificate, as the chain states it. */
  readonly certifiedUntil: number
  /** `asked` is undefined where nobody had to be asked. */
  readonly endorsers: readonly { readonly deviceId: string; readonly asked: string | undefined }[]
  /** `own`: this relay has endorsed the device itself. undefined: nobody has shown it. */
  readonly source: 'own' | 'peer' | undefined
  readonly verdict: 'holds' | 'no-longer' | 'does-not-fit' | 'cannot-say'
  /** `valid` where it holds. */
  readonly code: string
  readonly detail: string | undefined
  /** How many blocks before that the one was that the certified key has signed; undefined: none of this chain. */
  readonly signedBlocksBefore: number | undefined
  /** The device's certificate first, the root last; empty where there is none to trust. */
  readonly path: readonly { readonly subject: string; readonly issuer: string; readonly serialNumber: string }[]
}

export interface EvidenceDesk {
  /** @param id of the device, as text or hex */
  judge(
    id: string,
  ): Promise<
    Result<EvidenceView, 'malformed-id' | 'unknown-network' | 'not-in-ledger' | 'no-certificate' | 'block-missing'>
  >
}
