import { useRef, useState } from 'preact/hooks'
import type { DirectoryEntryView, DirectoryView, Failure } from '../worker/api.ts'
import { ask } from './ask.ts'
import { countOf, formatTime } from './format.ts'
import { Card, FailureNote } from './parts.tsx'
import type { PageActions } from './store.ts'

export interface DirectoryCardProps {
  readonly directory: DirectoryView | undefined
  readonly actions: PageActions
  /** A device was chosen from the list. */
  readonly onDevice: (deviceId: string) => void
}

interface Found {
  readonly entries: readonly DirectoryEntryView[]
  readonly found: number
}

/** It was taken away since it was chosen, or is larger than memory. */
const UNREADABLE_FILE: Failure = {
  ok: false,
  code: 'unreadable-file',
  sentence: 'The browser cannot read this file: choose the one that the owner gave you again.',
}

/** The owner's names for devices, on this device alone: import, search, forget. */
export function DirectoryCard({ directory, actions, onDevice }: DirectoryCardProps) {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const [text, setText] = useState('')
  const [result, setResult] = useState<Found>()
  /** Only the newest search's answer is shown. */
  const question = useRef(0)

  const importFile = async (file: File | undefined) => {
    if (file === undefined) return
    setBusy(true)
    setFailure(undefined)
    setResult(undefined)
    const outcome = await file.arrayBuffer().then(
      (buffer) => ask(actions.call, { call: 'import-directory', bytes: new Uint8Array(buffer) }),
      () => UNREADABLE_FILE,
    )
    setBusy(false)
    if (!outcome.ok) setFailure(outcome)
  }
  const search = async (wanted: string) => {
    question.current += 1
    const mine = question.current
    setText(wanted)
    if (wanted.trim() === '') return setResult(undefined)
    const outcome = await ask(actions.call, { call: 'search-directory', text: wanted })
    if (mine !== question.current) return
    setFailure(outcome.ok ? undefined : outcome)
    setResult(outcome.ok ? outcome.value : undefined)
  }
  const forget = async () => {
    const outcome = await ask(actions.call, { call: 'forget-directory' })
    setFailure(outcome.ok ? undefined : outcome)
    setResult(undefined)
    setText('')
  }

  return (
    <Card title="Names" class="names">
      <p class="muted" data-testid="directory-state" data-devices={directory?.devices} data-value={directory?.state}>
        {directory === undefined
          ? 'The owner can give you a file with the names of the devices. It stays on this device; no server sees it.'
          : `${countOf(directory.devices, 'device')}, as the owner named them on ${formatTime(directory.madeAt)}.`}
      </p>
      <FailureNote failure={failure ?? directory?.failure} testId="directory-failure" />
      {directory !== undefined && (
        <div class="field">
          <label for="directory-search">Find by name, model, serial or MAC address</label>
          <input
            id="directory-search"
            data-testid="directory-search"
            type="search"
            value={text}
            onInput={(event) => void search(event.currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
          />
          {result !== undefined && <FoundDevices result={result} onDevice={onDevice} />}
        </div>
      )}
      <div class="row">
        <label class="button quiet small file">
          {busy ? 'Checking the file…' : directory === undefined ? 'Import a directory' : 'Import a newer one'}
          <input
            type="file"
            data-testid="directory-file"
            disabled={busy}
            onChange={(event) => {
              const input = event.currentTarget
              // The same file chosen again must count as a choice.
              void importFile(input.files?.[0]).finally(() => (input.value = ''))
            }}
          />
        </label>
        {directory !== undefined && (
          <button type="button" class="quiet small" data-testid="directory-forget" onClick={() => void forget()}>
            Forget the names
          </button>
        )}
      </div>
    </Card>
  )
}

function FoundDevices({ result, onDevice }: { result: Found; onDevice: (deviceId: string) => void }) {
  const { entries, found } = result
  return (
    <>
      <p class="small muted" role="status" data-testid="directory-found" data-value={found}>
        {found === 0
          ? 'No device is like that.'
          : found === entries.length
            ? `${countOf(found, 'device')}. Choose one to check it.`
            : `${countOf(found, 'device')}; the first ${entries.length} are shown.`}
      </p>
      <ul class="found">
        {entries.map((entry) => (
          <li key={entry.deviceId}>
            <button
              type="button"
              class="quiet"
              data-testid="directory-device"
              data-device-id={entry.deviceId}
              onClick={() => onDevice(entry.deviceId)}
            >
              <strong>{entry.name}</strong>
              <span class="small muted">{[entry.serial, entry.model].filter(Boolean).join(' · ')}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}
