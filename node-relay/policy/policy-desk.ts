import { toHex } from '../../shared/bytes.ts'
import { accept, type Result } from '../../shared/errors.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { policyCodec } from '../../shared/policy/policy.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { PolicyDesk } from './door.ts'

/** Shows the policy of the tip and hands in another one. Nothing here decides: the ledger does. */
export function createPolicyDesk({
  chain,
  submit,
}: {
  readonly chain: FullChain
  submit(transaction: Uint8Array): Promise<Result<unknown>>
}): PolicyDesk {
  return {
    view() {
      const policy = policyOf(chain.state)
      const { owners } = chain.tip.roster
      return {
        networkId: toHex(chain.rules.networkId),
        number: policy.number,
        owners: { threshold: owners.threshold, keys: owners.keys.map(toHex) },
        trustRoots: policy.trustRoots.map(toHex),
        policy: toHex(policyCodec.encode(policy)),
      }
    },
    async submit(bytes, signatures) {
      const policy = policyCodec.decode(bytes)
      if (!policy.ok) return policy
      const data = { policy: policy.value, signatures: [...signatures] }
      const taken = await submit(transactionCodec.encode({ TAG: 'policy', data }))
      return taken.ok ? accept(null) : taken
    },
  }
}
