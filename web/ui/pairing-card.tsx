import type { PairingView } from '../worker/api.ts'
import { ask } from './ask.ts'
import { Icon } from './icons.tsx'
import { PAIRING_STEPS, pairingLooks, priceSentence, puzzleProgress, restSentence } from './pairing-words.ts'
import { Card, CopyButton, FailureNote } from './parts.tsx'
import type { PageActions } from './store.ts'

/** This browser asks to be let in: what it pays, the code to be typed, and what comes after. */
export function PairingCard({ pairing, actions }: { pairing: PairingView; actions: PageActions }) {
  const { step, price, tries, code, until, failure } = pairing
  const cancel = () => void ask(actions.call, { call: 'cancel-join' })
  const looks = pairingLooks(pairing)
  return (
    <div class="narrow">
      <Card title="Asking to be let in">
        <ol class="steps">
          {PAIRING_STEPS.map(({ name, word }) => (
            <li
              key={name}
              class={looks[name]}
              data-testid="pair-step"
              data-step={name}
              data-state={looks[name]}
              aria-current={looks[name] === 'now' ? 'step' : undefined}
            >
              <span class="step-mark">{looks[name] === 'done' && <Icon name="check" size={16} />}</span>
              {word}
            </li>
          ))}
        </ol>
        {price !== undefined && <p class="muted">{priceSentence(price)}</p>}
        {failure === undefined && step === 'puzzle' && price !== undefined && (
          <>
            <progress
              max={1}
              value={puzzleProgress(tries, price.iterations)}
              aria-label="How likely it was to be solved by now"
              data-testid="pair-progress"
            />
            <p aria-live="polite">{restSentence(pairing)}</p>
          </>
        )}
        {failure === undefined && code !== undefined && until !== undefined && (
          <>
            <p>Who runs the relay types this code at its computer:</p>
            <p class="pair-code" data-testid="pair-code">
              {code}
            </p>
            <p>
              <code>lares pair {code}</code> <CopyButton text={`lares pair ${code}`} what="command" />
            </p>
            <p class="muted">
              It counts until {new Date(until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}. Keep
              this page open: it goes on by itself.
            </p>
          </>
        )}
        <FailureNote failure={failure} testId="pair-failure" />
        <button type="button" class="quiet" data-testid="pair-cancel" onClick={cancel}>
          {failure === undefined ? 'Cancel' : 'Back'}
        </button>
      </Card>
    </div>
  )
}
