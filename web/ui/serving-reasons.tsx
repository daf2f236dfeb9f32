import type { AssignedView, NetworkView } from '../worker/api.ts'
import { shorten } from './format.ts'
import { Icon, type IconName } from './icons.tsx'
import type { Tone } from './tone.ts'

const WORDS: Readonly<Record<AssignedView['state'], string>> = {
  primary: 'primary: answers for this device',
  standby: 'standby: connected, and takes over at once',
  backup: 'backup: connected when one before it is lost',
  busy: 'at its limit, by its own word: the next one serves',
  away: 'not reached now: passed over, and tried again',
}
const LOOKS: Readonly<Record<AssignedView['state'], readonly [IconName, Tone]>> = {
  primary: ['check', 'good'],
  standby: ['check', 'good'],
  backup: ['note', 'idle'],
  busy: ['note', 'idle'],
  away: ['note', 'idle'],
}

/** The first servers of this device, in their order, and by what that order comes about. */
export function ServingReasons({ network }: { network: NetworkView }) {
  const { assigned, identity } = network
  return (
    <div class="reasons" data-testid="serving-reasons">
      <p>
        {identity.state === 'settled'
          ? 'The order follows from the block that registered this device, its ID and the seats of the keepers. Everybody works out the same one, and only a change of the keepers moves anybody.'
          : 'This browser has no settled ID yet, so it has drawn an order of its own, until it is closed.'}
      </p>
      <ol class="incidents">
        {assigned.map(({ seat, peerId, state }) => {
          const [icon, tone] = LOOKS[state]
          return (
            <li key={seat} data-testid="assigned" data-seat={seat} data-state={state}>
              <span class={`incident-icon tone-${tone}`}>
                <Icon name={icon} size={18} />
              </span>
              <span>
                <strong>Seat {seat}</strong>
                {peerId !== undefined && <span class="mono small"> {shorten(peerId)}</span>}
                <br />
                {WORDS[state]}
              </span>
            </li>
          )
        })}
      </ol>
    </div>
  )
}
