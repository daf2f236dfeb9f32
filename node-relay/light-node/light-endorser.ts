import type { Result } from '../../shared/errors.ts'
import {
  type CertificateEndorser,
  type EndorsingDoor,
  endorseApplication,
  endorseCertified,
  witnessIncident,
} from '../coordination/endorse.ts'
import { createPriceDesk, type PriceDesk } from '../coordination/price-desk.ts'
import { createPuzzleDesk } from '../coordination/puzzle-desk.ts'
import { nodeScrypt } from '../crypto/node-scrypt.ts'
import type { LightChain } from './light-chain.ts'
import type { ProvenState } from './proven-state.ts'

export interface LightEndorserInit extends Omit<CertificateEndorser, 'chain' | 'deviceId' | 'prices'> {
  readonly chain: Pick<LightChain, 'rules' | 'tip' | 'graph'>
  readonly state: ProvenState
  /** undefined: not registered, so in no coordination set. */
  deviceId(): Uint8Array | undefined
}

/**
 * Endorses by the same rules as a full node, on the settled state instead of the tip's: each record that they read comes with
 * its proof. `view-stale`, `view-unavailable`, `view-busy`: not now; everything else is what the ledger would say.
 */
export function createLightEndorser(init: LightEndorserInit): EndorsingDoor & Pick<PriceDesk, 'quote'> {
  const { networkId } = init.chain.rules
  const deviceId = () => init.deviceId() ?? new Uint8Array(32)
  const puzzles = createPuzzleDesk({ networkId, deviceId, now: init.now, scrypt: nodeScrypt })
  // Who has no blocks does not count the joins in them: its price has no pressure.
  const joins = { of: () => 0 }
  const judge = <Value>(
    task: (endorser: CertificateEndorser & { readonly prices: PriceDesk }) => Promise<Result<Value>>,
  ) =>
    init.state.judge((state) => {
      const { rules, tip, graph } = init.chain
      const chain = { rules, tip, graph, state }
      const prices = createPriceDesk({ chain, verifier: init.verifier, joins, puzzles, deviceId })
      return task({ ...init, chain, prices, deviceId: deviceId() })
    })
  return {
    endorse: (application) => judge((endorser) => endorseApplication(endorser, application)),
    endorseCertified: (application) => judge((endorser) => endorseCertified(endorser, application)),
    quote: (ask) => judge(({ prices }) => prices.quote(ask)),
    witness: (application) => judge((endorser) => witnessIncident(endorser, application)),
  }
}
