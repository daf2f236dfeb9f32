import { useState } from 'preact/hooks'
import type { Failure } from '../worker/api.ts'
import { ask } from './ask.ts'
import { Card, CopyButton, FailureNote } from './parts.tsx'
import { PasteField } from './paste-field.tsx'
import { QrCode } from './qr-code.tsx'
import { ScanButton } from './scan-button.tsx'
import type { PageActions } from './store.ts'

/** This device answers for itself: the question of another comes in by camera or hand, the answer goes out as a code. */
export function ProveCard({ actions }: { actions: PageActions }) {
  const [question, setQuestion] = useState('')
  const [answer, setAnswer] = useState<string>()
  const [failure, setFailure] = useState<Failure>()
  const prove = async (text: string) => {
    const outcome = await ask(actions.call, { call: 'answer-challenge', text: text.trim() })
    setAnswer(outcome.ok ? outcome.value.text : undefined)
    setFailure(outcome.ok ? undefined : outcome)
  }
  return (
    <Card title="Prove that this is the device">
      <p class="muted">Somebody checks this ID and shows you a question. The answer is good for that question alone.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void prove(question)
        }}
      >
        <PasteField
          id="prove-question"
          testId="prove-question"
          label="Question"
          rows={2}
          value={question}
          onText={setQuestion}
          placeholder="LARESC1…"
        />
        <div class="row">
          <button type="submit" class="primary" data-testid="prove" disabled={question.trim() === ''}>
            Answer
          </button>
          <ScanButton
            what="the question"
            onText={(text) => {
              setQuestion(text)
              void prove(text)
            }}
          />
        </div>
      </form>
      <FailureNote failure={failure} testId="prove-failure" />
      {answer !== undefined && (
        <>
          <p>Show this to who asked.</p>
          <QrCode text={answer} label="QR code of the answer" />
          <p class="mono small break" data-testid="prove-answer">
            {answer}
          </p>
          <CopyButton text={answer} what="answer" />
        </>
      )}
    </Card>
  )
}
