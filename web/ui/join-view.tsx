import { useEffect, useState } from 'preact/hooks'
import { readArrival } from '../page/arrival.ts'
import type { CallNode } from '../page/ui-calls.ts'
import type { AppView, Failure, IdentityView, WorkerReplies } from '../worker/api.ts'
import { ask } from './ask.ts'
import { DeviceId } from './device-id.tsx'
import { Icon } from './icons.tsx'
import {
  cleanWord,
  IDENTITY_SENTENCES,
  IDENTITY_TONES,
  IDENTITY_WORDS,
  LOST_SENTENCE,
  stepLooks,
} from './identity-words.ts'
import { Card, FailureNote, Late, Note, Pill } from './parts.tsx'
import { PasteField } from './paste-field.tsx'
import { RecoverCard } from './recover-card.tsx'
import { ScanButton } from './scan-button.tsx'
import type { PageActions } from './store.ts'

interface Prepared {
  readonly words: readonly string[]
  readonly asked: readonly number[]
}

type Stage =
  | { readonly at: 'voucher' }
  | { readonly at: 'words'; readonly prepared: Prepared }
  | { readonly at: 'asked'; readonly prepared: Prepared }

export function JoinView(props: { view: AppView; voucher: string | undefined; actions: PageActions }) {
  const { view, voucher, actions } = props
  const [stage, setStage] = useState<Stage>({ at: 'voucher' })
  const network = view.active
  const identity = network?.identity
  const isLost = identity?.isLost === true
  const under = identity !== undefined && !isLost && identity.state !== 'none' && identity.state !== 'retired'
  if (under && stage.at === 'voucher') return <Progress identity={identity} actions={actions} />
  const { pairing } = view
  if (pairing !== undefined && stage.at === 'voucher')
    return <Late load={loadPairing} props={{ pairing, actions }} waiting={null} />

  const cancel = () => {
    setStage({ at: 'voucher' })
    void ask(actions.call, { call: 'cancel-join' })
  }
  return (
    <div class="narrow">
      {stage.at === 'voucher' && isLost && (
        <>
          <Note tone="bad" testId="identity-lost">
            {LOST_SENTENCE}
          </Note>
          <RecoverCard identity={identity} actions={actions} />
        </>
      )}
      <Stages at={stage.at} />
      {stage.at === 'voucher' && (
        <VoucherStep
          networkName={network?.name}
          voucher={voucher}
          retired={identity?.state === 'retired'}
          failure={isLost ? undefined : identity?.failure}
          actions={actions}
          onPrepared={(prepared) => {
            actions.setVoucher(undefined)
            setStage({ at: 'words', prepared })
          }}
        />
      )}
      {stage.at === 'voucher' && !isLost && network !== undefined && (
        <NoVoucher actions={actions} onPrepared={(prepared) => setStage({ at: 'words', prepared })} />
      )}
      {stage.at === 'voucher' && !isLost && network !== undefined && (
        <details class="card">
          <summary data-testid="recover-open">I have an ID already, and its recovery words</summary>
          <RecoverCard identity={undefined} actions={actions} />
        </details>
      )}
      {stage.at === 'words' && (
        <WordsStep
          words={stage.prepared.words}
          onDone={() => setStage({ at: 'asked', prepared: stage.prepared })}
          onCancel={cancel}
        />
      )}
      {stage.at === 'asked' && (
        <AskedStep
          asked={stage.prepared.asked}
          actions={actions}
          onBack={() => setStage({ at: 'words', prepared: stage.prepared })}
          onDone={() => setStage({ at: 'voucher' })}
        />
      )}
    </div>
  )
}

const loadPairing = async () => (await import('./pairing-card.tsx')).PairingCard

const STAGES: readonly { at: Stage['at']; word: string }[] = [
  { at: 'voucher', word: 'Voucher' },
  { at: 'words', word: 'Recovery words' },
  { at: 'asked', word: 'Words asked back' },
]

function Stages({ at }: { at: Stage['at'] }) {
  const current = STAGES.findIndex((stage) => stage.at === at)
  return (
    <ol class="stages">
      {STAGES.map((stage, index) => (
        <li
          key={stage.at}
          class={index < current ? 'done' : index === current ? 'now' : ''}
          aria-current={index === current ? 'step' : undefined}
        >
          {stage.word}
        </li>
      ))}
    </ol>
  )
}

function VoucherStep(props: {
  networkName: string | undefined
  voucher: string | undefined
  retired: boolean
  failure: Failure | undefined
  actions: PageActions
  onPrepared: (prepared: Prepared) => void
}) {
  const { actions, onPrepared } = props
  const [text, setText] = useState(props.voucher ?? '')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState(props.failure)

  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setFailure(undefined)
    const outcome = await prepare(actions.call, text.trim())
    setBusy(false)
    if (outcome.ok) onPrepared(outcome.value)
    else setFailure(outcome)
  }
  return (
    <Card title={props.networkName === undefined ? 'Join a network' : `Join ${props.networkName}`}>
      <p>
        A voucher is a ticket for one device. Who runs the relay makes it with <code>lares voucher create</code> and
        sends it to you as a link or a QR code.
      </p>
      {props.retired && <Note tone="warn">The ID that this browser had is retired. A voucher gives it a new one.</Note>}
      <form onSubmit={(event) => void submit(event)}>
        <PasteField
          id="voucher"
          testId="join-voucher"
          label="Voucher"
          rows={4}
          value={text}
          onText={setText}
          placeholder="Paste the voucher's link or text"
        />
        <FailureNote failure={failure} testId="join-failure" />
        <div class="row">
          <button type="submit" class="primary" data-testid="join-start" disabled={busy || text.trim() === ''}>
            {busy ? 'Checking the voucher…' : 'Continue'}
          </button>
          <ScanButton what="the voucher" onText={setText} />
        </div>
      </form>
    </Card>
  )
}

function NoVoucher({ actions, onPrepared }: { actions: PageActions; onPrepared: (prepared: Prepared) => void }) {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const start = async () => {
    setBusy(true)
    setFailure(undefined)
    const outcome = await ask(actions.call, { call: 'prepare-pairing' })
    setBusy(false)
    if (outcome.ok) onPrepared(outcome.value)
    else setFailure(outcome)
  }
  return (
    <details class="card">
      <summary data-testid="pair-open">I have no voucher</summary>
      <p>
        You can ask who runs the relay to let this browser in. You write recovery words down first, then this browser
        shows a code, and somebody types it at the relay.
      </p>
      <FailureNote failure={failure} testId="pair-failure" />
      <button type="button" data-testid="pair-start" disabled={busy} onClick={() => void start()}>
        {busy ? 'Making a key…' : 'Ask to be let in'}
      </button>
    </details>
  )
}

/** A voucher's link names its network too: that one is added first. */
async function prepare(call: CallNode, text: string): Promise<WorkerReplies['prepare-join']> {
  if (readArrival(text.slice(text.indexOf('#')))?.join !== undefined) {
    const added = await ask(call, { call: 'add-network', link: text })
    if (!added.ok) return added
    const selected = await ask(call, { call: 'select-network', networkId: added.value.networkId })
    if (!selected.ok) return selected
  }
  return ask(call, { call: 'prepare-join', voucher: text })
}

function WordsStep(props: { words: readonly string[]; onDone: () => void; onCancel: () => void }) {
  return (
    <Card title="Write these words down">
      <p>
        These {props.words.length} words bring this identity back if this device is lost or its storage is cleared.
        Write them on paper, in order. They are shown only now, and kept nowhere. Who has them has the identity.
      </p>
      <ol class="words" data-testid="words">
        {props.words.map((word, index) => (
          <li key={index} data-position={index}>
            {word}
          </li>
        ))}
      </ol>
      <div class="row">
        <button type="button" class="primary" data-testid="words-written" onClick={props.onDone}>
          I have written them down
        </button>
        <button type="button" class="quiet" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
    </Card>
  )
}

function AskedStep(props: { asked: readonly number[]; actions: PageActions; onBack: () => void; onDone: () => void }) {
  const { asked, actions } = props
  const [answers, setAnswers] = useState<readonly string[]>(asked.map(() => ''))
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()

  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setFailure(undefined)
    const outcome = await ask(actions.call, { call: 'confirm-join', answers: answers.map(cleanWord) })
    setBusy(false)
    if (outcome.ok) props.onDone()
    else setFailure(outcome)
  }
  return (
    <Card title="Which words were these?">
      <p>From your paper, so that you know it can be read.</p>
      <form onSubmit={(event) => void submit(event)}>
        {asked.map((position, index) => (
          <div class="field" key={position}>
            <label for={`word-${position}`}>Word {position + 1}</label>
            <input
              id={`word-${position}`}
              data-testid="word-answer"
              data-position={position}
              value={answers[index] ?? ''}
              onInput={(event) => {
                const typed = event.currentTarget.value
                setAnswers((before) => before.map((answer, at) => (at === index ? typed : answer)))
              }}
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
            />
          </div>
        ))}
        <FailureNote failure={failure} testId="join-failure" />
        <div class="row">
          <button
            type="submit"
            class="primary"
            data-testid="join-confirm"
            disabled={busy || answers.some((answer) => cleanWord(answer) === '')}
          >
            {busy ? 'Joining…' : 'Join'}
          </button>
          <button type="button" class="quiet" onClick={props.onBack}>
            Show the words again
          </button>
        </div>
      </form>
    </Card>
  )
}

const loadProve = async () => (await import('./prove-card.tsx')).ProveCard

function Progress({ identity, actions }: { identity: IdentityView; actions: PageActions }) {
  const failed = identity.failure !== undefined
  const [announced, setAnnounced] = useState('')
  useEffect(() => setAnnounced(IDENTITY_SENTENCES[identity.state]), [identity.state])
  return (
    <div class="narrow">
      <Card title={identity.state === 'settled' ? 'This browser has an ID' : 'Joining'}>
        <Pill tone={IDENTITY_TONES[identity.state]} testId="identity-state" value={identity.state}>
          {IDENTITY_WORDS[identity.state]}
        </Pill>
        <p aria-live="polite">{announced}</p>
        {identity.steps.length > 0 && (
          <ol class="steps">
            {stepLooks(identity.steps, failed).map((step) => (
              <li
                key={step.name}
                class={step.state}
                data-testid="join-step"
                data-step={step.name}
                data-done={step.state === 'done'}
                aria-current={step.state === 'now' ? 'step' : undefined}
              >
                <span class="step-mark">{step.state === 'done' && <Icon name="check" size={16} />}</span>
                {step.word}
              </li>
            ))}
          </ol>
        )}
        <FailureNote failure={identity.failure} testId="join-failure" />
        {identity.deviceId !== undefined && <DeviceId id={identity.deviceId} did={identity.did} />}
        {failed && identity.state === 'joining' && (
          <button type="button" onClick={() => void actions.call({ call: 'cancel-join' })}>
            Start again
          </button>
        )}
      </Card>
      {identity.state === 'settled' && <Late load={loadProve} props={{ actions }} waiting={null} />}
    </div>
  )
}
