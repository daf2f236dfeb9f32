import { useRef, useState } from 'preact/hooks'
import type { AppView, AuditReport } from '../worker/api.ts'
import { emptyReport } from '../worker/empty-report.ts'
import { ask } from './ask.ts'
import { Card, Late } from './parts.tsx'
import { ScanButton } from './scan-button.tsx'
import type { PageActions } from './store.ts'
import { VerdictCard } from './verdict-card.tsx'
import { verdictAloud } from './verdict-words.ts'

const loadDirectory = async () => (await import('./directory-card.tsx')).DirectoryCard

interface Asked {
  readonly text: string
  readonly report: AuditReport
}

export function AuditView({ view, actions }: { view: AppView; actions: PageActions }) {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [asked, setAsked] = useState<Asked>()
  /** Only the newest question's answer is shown. */
  const question = useRef(0)

  const check = async (id: string) => {
    question.current += 1
    const mine = question.current
    const started = performance.now()
    setBusy(true)
    setAsked(undefined)
    const answer = await ask(actions.call, { call: 'audit', text: id })
    if (mine !== question.current) return
    const report =
      'verdict' in answer
        ? answer
        : // The call itself failed: the worker had no chance to say anything.
          emptyReport('cannot-say', answer.code, answer.sentence, performance.now() - started)
    setBusy(false)
    setAsked({ text: id, report })
  }

  const choose = (id: string) => {
    setText(id)
    void check(id)
  }

  return (
    <div class={asked === undefined ? 'narrow' : 'columns audit-columns'}>
      <div class="column">
        <Card title="Is this device registered?">
          <p class="muted">Paste a device ID or scan its label. This browser asks for a proof and checks it itself.</p>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              void check(text.trim())
            }}
          >
            <label for="audit-id">Device ID</label>
            <textarea
              id="audit-id"
              data-testid="audit-input"
              class="mono"
              rows={3}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' || event.shiftKey) return
                event.preventDefault()
                if (text.trim() !== '' && !busy) void check(text.trim())
              }}
              autocomplete="off"
              autocapitalize="characters"
              spellcheck={false}
            />
            <div class="row">
              <button type="submit" class="primary" data-testid="audit-submit" disabled={busy || text.trim() === ''}>
                {busy ? 'Checking…' : 'Check'}
              </button>
              <ScanButton what="the device" onText={(scanned) => choose(scanned.trim())} />
            </div>
          </form>
        </Card>
        {view.active !== undefined && (
          <Late
            key={view.active.networkId}
            load={loadDirectory}
            props={{ directory: view.directory, actions, onDevice: choose }}
            waiting={null}
          />
        )}
      </div>
      <p class="visually-hidden" aria-live="assertive">
        {asked === undefined ? '' : verdictAloud(asked.report)}
      </p>
      {asked !== undefined && (
        <VerdictCard
          report={asked.report}
          view={view}
          actions={actions}
          onReport={(report) => setAsked({ text: asked.text, report })}
        />
      )}
    </div>
  )
}
