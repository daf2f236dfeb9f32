import type { KeepersView } from '../worker/api.ts'
import { Icon } from './icons.tsx'
import { keeperSentence } from './network-words.ts'

/** Who sealed what, counted from the headers that this browser holds. */
export function KeeperList({ keepers, count, now }: { keepers: KeepersView; count: number; now: number }) {
  const { shown, blocks } = keepers
  return (
    <ul class="incidents">
      {shown.map((keeper) => (
        <li key={keeper.seat} data-testid="keeper" data-seat={keeper.seat} data-asleep={keeper.isAsleep}>
          <span class={`incident-icon tone-${keeper.isAsleep ? 'warn' : 'good'}`}>
            <Icon name={keeper.isAsleep ? 'moon' : 'check'} size={18} />
          </span>
          <span>
            <strong>Seat {keeper.seat}</strong>
            <br />
            <span class="muted small">{keeperSentence(keeper, blocks, now)}</span>
          </span>
        </li>
      ))}
      {count > shown.length && <li class="muted">And {count - shown.length} more.</li>}
    </ul>
  )
}
