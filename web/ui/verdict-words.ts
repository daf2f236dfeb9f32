/** What the audit view says about a report: pure. */
import type { AppView, AuditReport, AuditVerdict } from '../worker/api.ts'
import { countOf, formatAge, formatBytes, formatCount, formatDuration, formatTime, shorten } from './format.ts'
import { keepersSentence } from './network-words.ts'
import type { Tone } from './tone.ts'

export type VerdictSymbol = 'check' | 'audit' | 'cross' | 'stop' | 'question' | 'pencil' | 'clock'

export interface VerdictLook {
  readonly word: string
  readonly tone: Tone
  readonly symbol: VerdictSymbol
}

export const VERDICT_LOOKS: Readonly<Record<AuditVerdict, VerdictLook>> = {
  registered: { word: 'Registered', tone: 'good', symbol: 'check' },
  genuine: { word: 'Genuine', tone: 'good', symbol: 'audit' },
  retired: { word: 'Retired', tone: 'warn', symbol: 'stop' },
  'not-in-ledger': { word: 'Not in the ledger', tone: 'bad', symbol: 'cross' },
  'unknown-network': { word: 'Unknown network', tone: 'warn', symbol: 'question' },
  malformed: { word: 'Not a device ID', tone: 'idle', symbol: 'pencil' },
  'cannot-say': { word: 'Cannot say', tone: 'calm', symbol: 'clock' },
}

/** An ID on its way into the ledger is no made-up one, though the settled ledger does not have it: no red cross. */
const PENDING_LOOK: VerdictLook = { word: 'Not settled yet', tone: 'calm', symbol: 'clock' }

const CONTESTED_LOOK: VerdictLook = { word: 'Registered, but its key was copied', tone: 'warn', symbol: 'stop' }

export function lookOf(report: Pick<AuditReport, 'verdict' | 'pending' | 'device'>): VerdictLook {
  if (report.verdict === 'registered' && report.device?.contestedAt !== undefined) return CONTESTED_LOOK
  return report.pending ? PENDING_LOOK : VERDICT_LOOKS[report.verdict]
}

/** A word for a screen reader and the live region: the verdict first, then its sentence. */
export function verdictAloud(report: AuditReport): string {
  return `${lookOf(report).word}. ${report.sentence}`
}

export interface Fact {
  readonly term: string
  readonly detail: string
  readonly testId?: string
}

/** What the ledger says of the device. */
export function deviceFacts(report: AuditReport): Fact[] {
  const { device } = report
  if (device === undefined) return []
  return [
    { term: 'Label', detail: device.label },
    { term: 'Assurance', detail: ASSURANCE_WORDS[device.assurance] ?? device.assurance },
    ...contestedFacts(device.contestedAt),
    ...certificateFacts(device.certifiedUntil, report.asOf?.time),
    { term: 'Trust', detail: `${device.trust} of 1,000` },
    {
      term: 'Registered',
      detail: `block ${formatCount(device.registeredHeight)}, ${formatTime(device.registeredTime)}`,
    },
    ...(device.sponsor === undefined ? [] : [{ term: 'Vouched for by', detail: shorten(device.sponsor, 10) }]),
  ]
}

function contestedFacts(at: number | undefined): Fact[] {
  if (at === undefined) return []
  const detail = `someone else claimed this device with a copy of it at ${formatTime(at)}; not verified again since`
  return [{ term: 'Key', detail, testId: 'audit-contested' }]
}

function certificateFacts(until: number | undefined, asOf = 0): Fact[] {
  if (until === undefined) return []
  const detail = until < asOf ? `ended ${formatTime(until)}: it must verify again` : `good until ${formatTime(until)}`
  return [{ term: 'Certificate', detail, testId: 'audit-certificate' }]
}

/** What the owner's directory calls the device. */
export function entryFacts({ entry }: Pick<AuditReport, 'entry'>): Fact[] {
  if (entry === undefined) return []
  return [
    { term: 'Serial', detail: entry.serial, testId: 'audit-serial' },
    ...(entry.model === '' ? [] : [{ term: 'Model', detail: entry.model, testId: 'audit-model' }]),
    ...(entry.vendor === '' ? [] : [{ term: 'Vendor', detail: entry.vendor, testId: 'audit-vendor' }]),
    ...(entry.mac === '' ? [] : [{ term: 'MAC address', detail: entry.mac, testId: 'audit-mac' }]),
  ]
}

/** Under the name: where it comes from, and what it means that the ledger does not have the device. */
export function entrySentence({ verdict }: Pick<AuditReport, 'verdict'>): string {
  return verdict === 'not-in-ledger'
    ? "The owner's directory expects this device: it has not joined yet."
    : "As the owner's directory on this device names it. Compare it with what stands on the device."
}

const ASSURANCE_WORDS: Readonly<Record<string, string>> = {
  A1: 'A1, vouched for by an operator',
  A2: 'A2, certificate of its maker',
}

/** How the verdict was reached: as of which block, how deep, how old, by what proof. */
export function proofFacts(report: AuditReport, now: number): Fact[] {
  const { asOf, tip, proofBytes, answeredBy } = report
  const facts: Fact[] = []
  if (asOf !== undefined) {
    facts.push({ term: 'As of', detail: `settled block ${formatCount(asOf.height)}`, testId: 'audit-asof' })
    if (tip !== undefined)
      facts.push({
        term: 'Depth',
        detail: `${countOf(tip.height - asOf.height, 'block')} on top`,
        testId: 'audit-depth',
      })
    facts.push({ term: 'Age', detail: formatAge(asOf.time, now), testId: 'audit-age' })
    facts.push({ term: 'Keepers', detail: keepersSentence(asOf), testId: 'audit-keepers' })
  }
  if (proofBytes !== undefined)
    facts.push({ term: 'Proof', detail: formatBytes(proofBytes), testId: 'audit-proof-bytes' })
  facts.push({ term: 'Took', detail: formatDuration(report.tookMs), testId: 'audit-took' })
  if (answeredBy !== undefined)
    facts.push({ term: 'Answered by', detail: `peer …${answeredBy.slice(-8)}`, testId: 'audit-answered-by' })
  return facts
}

/** Whether the device itself was asked: a label can be copied, a key that stays in its device cannot. */
export function askedSentence({ verdict }: Pick<AuditReport, 'verdict'>): string {
  return verdict === 'genuine'
    ? 'The device itself was asked, and has answered just now.'
    : 'The device itself was not asked.'
}

/** Where the page's code came from, said under each verdict. */
export function codeOriginSentence(view: Pick<AppView, 'codeFromAuditedRelay' | 'codeOrigin'>): string {
  return view.codeFromAuditedRelay
    ? "This page's code came from the relay that it audits, so the verdict is worth no more than that relay's honesty. For an independent verdict, open this page from an address of your own."
    : `This page's code came from ${view.codeOrigin}, not from the relay that it audits.`
}
