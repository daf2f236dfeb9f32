/** Incidents kept for people; the oldest goes. All are in the log besides. */
export const MAX_INCIDENTS = 100

export interface Incident {
  /** ms since the Unix epoch */
  readonly at: number
  readonly code: string
  /** One plain sentence. */
  readonly sentence: string
}

export interface IncidentLog {
  /** Newest first. */
  list(): readonly Incident[]
  report(code: string, sentence: string): void
}

/** What a person should know of: conflicts below settled, dropped peers, a stopped clock. */
export function createIncidentLog(now: () => number, onReport: (incident: Incident) => void): IncidentLog {
  const incidents: Incident[] = []
  return {
    list: () => incidents,
    report(code, sentence) {
      const incident = { at: now(), code, sentence }
      incidents.unshift(incident)
      if (incidents.length > MAX_INCIDENTS) incidents.pop()
      onReport(incident)
    },
  }
}
