import { toHex } from '../../shared/bytes.ts'
import { type Result, reject } from '../../shared/errors.ts'
import { openBlock } from '../../shared/ledger/apply.ts'
import { applyIncident } from '../../shared/ledger/incident.ts'
import type { Register } from '../../shared/transaction/register.ts'
import {
  type IncidentContent,
  incidentEndorsementMessage,
  transactionCodec,
} from '../../shared/transaction/transaction.ts'
import type { FullChain } from '../full-node/chain.ts'

/** Devices whose incident waits for its witnesses; more are left to the next claim on them. */
export const MAX_WAITING_INCIDENTS = 64
/** Those that wait are tried again this often, ms, */
export const INCIDENT_ROUND_MS = 15_000
/** and so often at most. */
export const MAX_INCIDENT_TRIES = 8
/** What another try may change: too few witnesses could be asked, or they are not as far as this relay. */
const PASSING: readonly string[] = [
  'not-ready',
  'not-enough-endorsements',
  'mempool-busy',
  'mempool-full',
  'group-full',
  'not-a-coordination-node',
]

export interface IncidentDeskInit {
  readonly chain: Pick<FullChain, 'rules' | 'tip' | 'state'>
  /** @param application the transaction without endorsements  @param message what witnesses sign */
  witnesses(application: Uint8Array, message: Uint8Array): Promise<Result<Register['endorsements']>>
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  now(): number
  log(message: string): void
}

export interface IncidentDesk {
  /** Of devices. */
  readonly size: number
  /** Both statements, whose signatures hold. Resolves once they have been tried. */
  report(incident: IncidentContent): Promise<void>
  /** Every {@link INCIDENT_ROUND_MS}. */
  look(): Promise<void>
}

/**
 * Brings a won duel into a block: collects the coordination nodes that have verified both statements, and hands the
 * transaction in. Nothing of it outlives a restart: whoever goes on using the copied key makes the next.
 */
export function createIncidentDesk({ chain, witnesses, submit, now, log }: IncidentDeskInit): IncidentDesk {
  /** By device: one incident says all, until it was verified anew. */
  const waiting = new Map<string, { readonly incident: IncidentContent; tries: number }>()
  let running: Promise<void> = Promise.resolve()

  async function handIn(incident: IncidentContent): Promise<Result<unknown>> {
    const { tip, state, rules } = chain
    const time = Math.max(now(), tip.sealed.header.time + 1)
    const draft = openBlock({ state, roster: tip.roster }, { ...rules, height: tip.height + 1, time })
    const verdict = applyIncident(draft, { incident, endorsements: [] })
    // Nobody is asked for what no block would take.
    if (!verdict.ok && verdict.code !== 'not-enough-endorsements') return verdict
    const application = transactionCodec.encode({ TAG: 'incident', data: { incident, endorsements: [] } })
    const endorsements = await witnesses(application, incidentEndorsementMessage(rules.networkId, incident))
    if (!endorsements.ok) return endorsements
    return submit(
      transactionCodec.encode({ TAG: 'incident', data: { incident, endorsements: [...endorsements.value] } }),
    )
  }

  async function tryAll(): Promise<void> {
    for (const [deviceId, entry] of [...waiting]) {
      // A fault on the way must not end the desk, nor the relay that reports: it is tried again.
      const result = await handIn(entry.incident).catch((error: unknown) => reject('not-ready', String(error)))
      entry.tries++
      if (!result.ok) log(`the incident of ${deviceId} is not handed in: ${result.code}`)
      if (result.ok || !PASSING.includes(result.code) || entry.tries >= MAX_INCIDENT_TRIES) waiting.delete(deviceId)
    }
  }

  function look(): Promise<void> {
    running = running.then(tryAll)
    return running
  }

  return {
    get size() {
      return waiting.size
    },
    async report(incident) {
      const deviceId = toHex(incident.claimed.deviceId)
      if (waiting.has(deviceId) || waiting.size >= MAX_WAITING_INCIDENTS) return
      waiting.set(deviceId, { incident, tries: 0 })
      await look()
    },
    look,
  }
}
