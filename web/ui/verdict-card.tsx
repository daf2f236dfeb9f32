import { useEffect, useRef, useState } from 'preact/hooks'
import type { AppView, AuditReport } from '../worker/api.ts'
import { inGroups } from './format.ts'
import { Icon } from './icons.tsx'
import { Facts, Late } from './parts.tsx'
import { type PageActions, useNow } from './store.ts'
import {
  askedSentence,
  codeOriginSentence,
  deviceFacts,
  entryFacts,
  entrySentence,
  lookOf,
  proofFacts,
} from './verdict-words.ts'

const loadChallenge = async () => (await import('./challenge-card.tsx')).ChallengeCard

export function VerdictCard(props: {
  report: AuditReport
  view: AppView
  actions: PageActions
  onReport: (report: AuditReport) => void
}) {
  const { report, view, actions, onReport } = props
  const [isAsking, setAsking] = useState(false)
  const now = useNow()
  const look = lookOf(report)
  const device = deviceFacts(report)
  const card = useRef<HTMLElement>(null)
  // On a phone the answer lies below the question; where it begins in the upper half, nothing need move.
  useEffect(() => {
    const top = card.current?.getBoundingClientRect().top ?? 0
    if (top < 0 || top > window.innerHeight / 2) card.current?.scrollIntoView({ block: 'start' })
  }, [])
  return (
    <section
      ref={card}
      class={`card verdict tone-${look.tone}`}
      data-testid="audit-verdict"
      data-verdict={report.verdict}
      data-pending={report.pending}
    >
      <header>
        <span class="verdict-symbol">
          <Icon name={look.symbol} size={40} />
        </span>
        <div>
          <h2>{look.word}</h2>
          <p data-testid="audit-sentence">{report.sentence}</p>
        </div>
      </header>
      <div class="verdict-body">
        {report.entry !== undefined && (
          <div class="named">
            <h3 data-testid="audit-name">{report.entry.name}</h3>
            <Facts facts={entryFacts(report)} />
            <p class="small muted">{entrySentence(report)}</p>
          </div>
        )}
        {report.deviceId !== undefined && (
          <p class="mono id" data-testid="audit-device-id" data-value={report.deviceId}>
            {inGroups(report.deviceId).map((group, index) => (
              <span key={index}>{group}</span>
            ))}
          </p>
        )}
        {device.length > 0 && <Facts facts={device} />}
        {report.verdict === 'registered' && report.deviceId !== undefined && (
          <details onToggle={(event) => setAsking(event.currentTarget.open)}>
            <summary data-testid="challenge-open">A label can be copied: ask the device itself</summary>
            {isAsking && (
              <Late load={loadChallenge} props={{ deviceId: report.deviceId, actions, onReport }} waiting={null} />
            )}
          </details>
        )}
        <h3>How this was found out</h3>
        {report.checked.length > 0 && (
          <ul class="checked" data-testid="audit-checked">
            {report.checked.map((sentence) => (
              <li key={sentence}>
                <Icon name="check" size={18} />
                <span>{sentence}</span>
              </li>
            ))}
          </ul>
        )}
        <Facts facts={proofFacts(report, now)} />
        <footer>
          <p data-testid="audit-not-asked">{askedSentence(report)}</p>
          <p data-testid="code-origin" data-audited={view.codeFromAuditedRelay}>
            {codeOriginSentence(view)}
          </p>
        </footer>
      </div>
    </section>
  )
}
