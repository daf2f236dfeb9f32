import type { LocalStore, StoredIncident } from '../store/local-store.ts'
import type { IncidentView } from '../worker/api.ts'

/** Newest kept. The oldest makes room, and no alarm while there is anything else. */
export const MAX_INCIDENTS = 50
/** Incidents whose wrong proof is kept as well. */
export const MAX_EVIDENCE = 8
/** A wrong proof is cut to this length, bytes. */
export const MAX_EVIDENCE_LENGTH = 16_384
/** The same incident is not told twice within this time, ms. */
const REPEAT_MS = 60_000

export interface Incidents {
  add(incident: Omit<StoredIncident, 'at'>): void
  /** Newest first. */
  view(): IncidentView[]
  /** With evidence, newest first. */
  list(): readonly StoredIncident[]
  load(): Promise<void>
}

export interface IncidentsInit {
  readonly networkId: string
  readonly store: Pick<LocalStore, 'readIncidents' | 'writeIncidents'>
  readonly now: () => number
  readonly onChange: () => void
}

/** What a person should know, kept over reloads and bounded. */
export function createIncidents({ networkId, store, now, onChange }: IncidentsInit): Incidents {
  let list: StoredIncident[] = []

  return {
    add(incident) {
      const at = now()
      const isRepeat = list.some(
        (one) => one.code === incident.code && one.sentence === incident.sentence && Math.abs(at - one.at) < REPEAT_MS,
      )
      if (isRepeat) return
      const evidence = incident.evidence?.slice(0, MAX_EVIDENCE_LENGTH)
      list = withRoom([{ ...incident, at, evidence }, ...list])
      let kept = 0
      list = list.map((one) =>
        one.evidence !== undefined && ++kept > MAX_EVIDENCE ? { ...one, evidence: undefined } : one,
      )
      // A list that could not be stored is still shown.
      store.writeIncidents(networkId, list).catch(() => undefined)
      onChange()
    },
    view: () => list.map(({ at, code, sentence, severity }) => ({ at, code, sentence, severity })),
    list: () => list,
    async load() {
      // What the browser cannot read is only past.
      list = (await store.readIncidents(networkId).catch(() => [])).slice(0, MAX_INCIDENTS)
    },
  }
}

/** @param list newest first, at most one too many */
function withRoom(list: readonly StoredIncident[]): StoredIncident[] {
  if (list.length <= MAX_INCIDENTS) return [...list]
  const least = list.findLastIndex(({ severity }) => severity !== 'alarm')
  return list.toSpliced(least === -1 ? list.length - 1 : least, 1)
}
