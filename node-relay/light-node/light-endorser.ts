import type { Result } from '../../shared/errors.ts'
import {
  type CertificateEndorser,
  type EndorsingDoor,
  endorseApplication,
  endorseCertified,
  witnessIncident,
} from '../coordination/endorse.ts'
import type { LightChain } from './light-chain.ts'
import type { ProvenState } from './proven-state.ts'

export interface LightEndorserInit extends Omit<CertificateEndorser, 'chain' | 'deviceId'> {
  readonly chain: Pick<LightChain, 'rules' | 'tip' | 'graph'>
  readonly state: ProvenState
  /** undefined: not registered, so in no coordination set. */
  deviceId(): Uint8Array | undefined
}

/**
 * Endorses by the same rules as a full node, on the settled state instead of the tip's: each record that they read comes with
 * its proof. `view-stale`, `view-unavailable`, `view-busy`: not now; everything else is what the ledger would say.
 */
export function createLightEndorser(init: LightEndorserInit): EndorsingDoor {
  const judge = <Value>(task: (endorser: CertificateEndorser) => Promise<Result<Value>>) =>
    init.state.judge((state) => {
      const { rules, tip, graph } = init.chain
      return task({ ...init, chain: { rules, tip, graph, state }, deviceId: init.deviceId() ?? new Uint8Array() })
    })
  return {
    endorse: (application) => judge((endorser) => endorseApplication(endorser, application)),
    endorseCertified: (application) => judge((endorser) => endorseCertified(endorser, application)),
    witness: (application) => judge((endorser) => witnessIncident(endorser, application)),
  }
}
