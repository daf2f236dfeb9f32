import { useEffect, useState } from 'preact/hooks'
import type { AuditReport, Failure, Outcome } from '../worker/api.ts'
import { ask } from './ask.ts'
import { CopyButton, FailureNote } from './parts.tsx'
import { PasteField } from './paste-field.tsx'
import { QrCode } from './qr-code.tsx'
import { ScanButton } from './scan-button.tsx'
import type { PageActions } from './store.ts'

/** Asks the device itself: the question goes to it by its camera or by hand, and so comes the answer. */
export function ChallengeCard(props: {
  deviceId: string
  actions: PageActions
  onReport: (report: AuditReport) => void
}) {
  const { deviceId, actions, onReport } = props
  const [question, setQuestion] = useState<string>()
  const [answer, setAnswer] = useState('')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const [isAsking, setAsking] = useState(false)
  useEffect(() => {
    let isShown = true
    void ask(actions.call, { call: 'challenge', deviceId }).then((outcome) => {
      if (!isShown) return
      setQuestion(outcome.ok ? outcome.value.text : undefined)
      setFailure(outcome.ok ? undefined : outcome)
    })
    return () => {
      isShown = false
    }
  }, [actions, deviceId])
  const judge = async (outcome: Promise<Outcome<AuditReport>>) => {
    setFailure(undefined)
    const judged = await outcome
    if (judged.ok) onReport(judged.value)
    else setFailure(judged)
  }
  const check = async (text: string) => {
    setBusy(true)
    await judge(ask(actions.call, { call: 'check-answer', text: text.trim() }))
    setBusy(false)
  }
  const askByNetwork = async () => {
    setAsking(true)
    await judge(ask(actions.call, { call: 'ask-device' }))
    setAsking(false)
  }
  return (
    <div data-testid="challenge">
      {question !== undefined && (
        <>
          <p class="row">
            <button
              type="button"
              class="primary"
              data-testid="ask-device"
              disabled={isAsking}
              onClick={() => void askByNetwork()}
            >
              {isAsking ? 'Asking the device…' : 'Ask it over the network'}
            </button>
            {isAsking && <span class="muted">A sensor that sleeps between its rounds may take a minute.</span>}
          </p>
          <p>Or ask it here, without a network:</p>
          <p>
            1. Show this to the device, or type it there: a phone with this page reads it under My ID, a board with{' '}
            <span class="mono">lares device answer --nonce</span>.
          </p>
          <QrCode text={question} label="QR code of the question to the device" />
          <p class="mono small break" data-testid="challenge-text">
            {question}
          </p>
          <CopyButton text={question} what="question" />
          <p>2. Scan what the device shows in return, or paste it.</p>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              void check(answer)
            }}
          >
            <PasteField
              id="challenge-answer"
              testId="challenge-answer"
              label="Answer of the device"
              rows={5}
              value={answer}
              onText={setAnswer}
              placeholder="LARESA1…"
            />
            <div class="row">
              <button
                type="submit"
                class="primary"
                data-testid="challenge-check"
                disabled={busy || answer.trim() === ''}
              >
                {busy ? 'Checking…' : 'Check the answer'}
              </button>
              <ScanButton
                what="the answer"
                onText={(text) => {
                  setAnswer(text)
                  void check(text)
                }}
              />
            </div>
          </form>
        </>
      )}
      <FailureNote failure={failure} testId="challenge-failure" />
    </div>
  )
}
