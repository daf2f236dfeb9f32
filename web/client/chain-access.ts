import type { DeviceProfile } from '../../shared/admission/profile.ts'
import type { ForkGraph } from '../../shared/chain/fork-graph.ts'
import type { StateQuery } from '../../shared/sync/state-query.ts'
import type { SyncPhase } from '../worker/api.ts'
import type { Incidents } from './incidents.ts'
import type { Servers } from './servers.ts'

/** What audits and the identity use of a followed network. */
export interface ChainAccess {
  readonly networkId: Uint8Array
  /** undefined until the start is checked. */
  readonly graph: ForkGraph | undefined
  readonly phase: SyncPhase
  /** Wanted time between blocks, ms; 0 until the start is checked. */
  readonly spacingMs: number
  readonly servers: Servers
  readonly query: StateQuery
  readonly incidents: Incidents
  /** What this device is, by its own measure. */
  profile(): Promise<DeviceProfile>
  /** A server has given what no honest one gives. */
  reportLie(peer: string, code: string, evidence?: Uint8Array): void
  /** Resolves when the test holds, or the time is up. */
  until(test: () => boolean, timeoutMs: number): Promise<void>
}
