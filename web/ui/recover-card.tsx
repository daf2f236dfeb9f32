import { useState } from 'preact/hooks'
import type { Failure, IdentityView } from '../worker/api.ts'
import { ask } from './ask.ts'
import { Card, FailureNote } from './parts.tsx'
import type { PageActions } from './store.ts'

/** Brings an ID back by its words; the ID is known where this browser, or its note, still has it. */
export function RecoverCard(props: { identity: IdentityView | undefined; actions: PageActions }) {
  const { identity, actions } = props
  const [words, setWords] = useState('')
  const [deviceId, setDeviceId] = useState(identity?.deviceId ?? '')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()

  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setFailure(undefined)
    const outcome = await ask(actions.call, { call: 'recover-identity', words, deviceId: deviceId.trim() })
    setBusy(false)
    if (outcome.ok) setWords('')
    else setFailure(outcome)
  }
  return (
    <Card title="Bring an ID back">
      <p>
        The twelve recovery words give this browser a new key for the same ID. Its trust and its history stay, and the
        old key counts no more.
      </p>
      <form onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for="recover-id">Device ID</label>
          <input
            id="recover-id"
            class="mono"
            data-testid="recover-id"
            value={deviceId}
            onInput={(event) => setDeviceId(event.currentTarget.value)}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
          />
        </div>
        <div class="field">
          <label for="recover-words">Recovery words, in order</label>
          <textarea
            id="recover-words"
            data-testid="recover-words"
            rows={3}
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
          />
        </div>
        <FailureNote failure={failure ?? identity?.failure} testId="recover-failure" />
        <div class="row">
          <button
            type="submit"
            class="primary"
            data-testid="recover-submit"
            disabled={busy || words.trim() === '' || deviceId.trim() === ''}
          >
            {busy ? 'Asking the ledger…' : 'Bring it back'}
          </button>
        </div>
      </form>
    </Card>
  )
}
