import type { AuditReport, AuditVerdict } from './api.ts'

/** A report without a word of the ledger: the question could not be asked, or not be answered. */
export function emptyReport(verdict: AuditVerdict, code: string, sentence: string, tookMs: number): AuditReport {
  return {
    verdict,
    sentence,
    deviceId: undefined,
    device: undefined,
    asOf: undefined,
    tip: undefined,
    pending: false,
    proofBytes: undefined,
    tookMs,
    checked: [],
    answeredBy: undefined,
    failure: { ok: false, code, sentence },
  }
}
