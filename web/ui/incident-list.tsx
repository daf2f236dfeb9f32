import type { IncidentView } from '../worker/api.ts'
import { formatAge } from './format.ts'
import { Icon } from './icons.tsx'
import type { Tone } from './tone.ts'

const TONES: Readonly<Record<IncidentView['severity'], Tone>> = { note: 'calm', warning: 'warn', alarm: 'bad' }

export function IncidentList({ incidents, now }: { incidents: readonly IncidentView[]; now: number }) {
  return (
    <ul class="incidents" data-testid="incidents">
      {incidents.length === 0 && <li class="muted">Nothing to report.</li>}
      {incidents.map((incident) => (
        <li
          key={`${incident.at}-${incident.code}-${incident.sentence}`}
          data-testid="incident"
          data-code={incident.code}
          data-severity={incident.severity}
        >
          <span class={`incident-icon tone-${TONES[incident.severity]}`}>
            <Icon name={incident.severity === 'note' ? 'note' : 'warning'} size={18} />
          </span>
          <span>
            {incident.sentence} <span class="muted small">{formatAge(incident.at, now)}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}
