import * as P from 'micro-packed'
import { compareBytes } from '../bytes.ts'
import { checked, createCodec, hash32 } from '../codec.ts'
import { HEADER_VERSION } from '../header/header.ts'

export const MAX_TRUST_ROOTS = 64
const MAX_POLICY_LENGTH = 4096

/** What a network's owners may change, by policy transaction. Header rules are not among it, but when the next ones hold is. */
export const policyCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown policy version ${version}`)),
  /** Counts the policies of this network from 0. */
  number: P.U32BE,
  /** Header version that holds from a height on; below it that of the header before. */
  rules: P.struct({ version: P.U16BE, fromHeight: P.U32BE }),
  maxBlockTransactions: P.U16BE,
  /** Transactions a device may have in one epoch: base, and more for each hundred of trust. */
  quotaBase: P.U16BE,
  quotaPerHundredTrust: P.U16BE,
  /** A voucher may run for this long at most, seconds. */
  maxVoucherSeconds: P.U32BE,
  /** Base price of a join without a voucher: iterations of the memory-hard puzzle. */
  basePrice: P.U32BE,
  /** Doublings of the price at most. */
  maxPriceDoublings: P.U8,
  /** Thresholds of the label function. */
  label: P.struct({
    fullLifetimeSeconds: P.U32BE,
    fullComputeScore: P.U32BE,
    fullStorageMiB: P.U32BE,
    coordinationLifetimeSeconds: P.U32BE,
  }),
  /** SHA-256 of the DER of each trusted root certificate, sorted. */
  trustRoots: checked(P.array(P.U8, hash32), (roots) => {
    if (roots.length > MAX_TRUST_ROOTS) return `${roots.length} trust roots; at most ${MAX_TRUST_ROOTS}`
    const sorted = roots.every((root, i) => i === 0 || compareBytes(roots[i - 1] as Uint8Array, root) < 0)
    return sorted ? undefined : 'trust roots are not sorted, or one is there twice'
  }),
})

export type Policy = P.UnwrapCoder<typeof policyCoder>

export const policyCodec = createCodec<Policy>('policy', MAX_POLICY_LENGTH, policyCoder)

export const DEFAULT_POLICY: Policy = {
  version: 1,
  number: 0,
  rules: { version: HEADER_VERSION, fromHeight: 0 },
  maxBlockTransactions: 4000,
  quotaBase: 16,
  quotaPerHundredTrust: 16,
  maxVoucherSeconds: 90 * 86_400,
  basePrice: 1,
  maxPriceDoublings: 12,
  label: {
    fullLifetimeSeconds: 7 * 86_400,
    fullComputeScore: 50_000,
    fullStorageMiB: 2_048,
    coordinationLifetimeSeconds: 7 * 86_400,
  },
  trustRoots: [],
}
