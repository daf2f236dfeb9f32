import { useState } from 'preact/hooks'
import { readArrival } from '../page/arrival.ts'
import type { AppView, Failure } from '../worker/api.ts'
import { ask } from './ask.ts'
import { shorten } from './format.ts'
import { Card, FailureNote } from './parts.tsx'
import { PasteField } from './paste-field.tsx'
import { ScanButton } from './scan-button.tsx'
import type { PageActions } from './store.ts'

export function NetworksView(props: { view: AppView; arrivalFailure: Failure | undefined; actions: PageActions }) {
  const { view, actions } = props
  const [failure, setFailure] = useState<Failure>()
  const run = async (call: 'select-network' | 'remove-network', networkId: string) => {
    const outcome = await ask(actions.call, { call, networkId })
    setFailure(outcome.ok ? undefined : outcome)
  }
  return (
    <div class="narrow">
      <FailureNote failure={failure ?? props.arrivalFailure} testId="networks-failure" />
      {view.networks.length > 0 && (
        <Card title="Networks">
          <ul class="networks">
            {view.networks.map((network) => (
              <NetworkRow
                key={network.networkId}
                network={network}
                active={network.networkId === view.active?.networkId}
                onSelect={() => void run('select-network', network.networkId)}
                onRemove={() => void run('remove-network', network.networkId)}
              />
            ))}
          </ul>
        </Card>
      )}
      <AddNetwork actions={actions} />
    </div>
  )
}

function NetworkRow(props: {
  network: AppView['networks'][number]
  active: boolean
  onSelect: () => void
  onRemove: () => void
}) {
  const { network, active } = props
  const [confirming, setConfirming] = useState(false)
  return (
    <li data-testid="network" data-network-id={network.networkId} data-active={active}>
      <label class="network-choice">
        <input type="radio" name="network" checked={active} onChange={props.onSelect} data-testid="select-network" />
        <span>
          <strong>{network.name}</strong>
          <span class="mono small muted">{shorten(network.networkId)}</span>
        </span>
      </label>
      {!confirming && (
        <button
          type="button"
          class="quiet small"
          data-testid="remove-network"
          onClick={() => setConfirming(true)}
          aria-label={`Remove ${network.name}`}
        >
          Remove
        </button>
      )}
      {confirming && (
        <fieldset class="confirm">
          <legend class="visually-hidden">Remove {network.name}?</legend>
          <p>
            Remove {network.name} from this browser? Its headers and the identity in it are deleted here. Only the
            recovery words bring the identity back.
          </p>
          <div class="row">
            <button type="button" class="danger" data-testid="remove-confirm" onClick={props.onRemove}>
              Remove
            </button>
            <button type="button" class="quiet" onClick={() => setConfirming(false)}>
              Keep
            </button>
          </div>
        </fieldset>
      )}
    </li>
  )
}

function AddNetwork({ actions }: { actions: PageActions }) {
  const [link, setLink] = useState('')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setFailure(undefined)
    const added = await ask(actions.call, { call: 'add-network', link: link.trim() })
    const outcome = added.ok
      ? await ask(actions.call, { call: 'select-network', networkId: added.value.networkId })
      : added
    setBusy(false)
    if (!outcome.ok) return setFailure(outcome)
    setLink('')
    const voucher = readArrival(link.slice(link.indexOf('#')))?.voucher
    if (voucher !== undefined) actions.setVoucher(voucher)
    location.hash = voucher === undefined ? '#/status' : '#/join'
  }
  return (
    <Card title="Add a network">
      <p class="muted">The relay prints its join link when it starts, and shows it as a QR code.</p>
      <form onSubmit={(event) => void submit(event)}>
        <PasteField id="network-link" testId="network-link" label="Join link" rows={3} value={link} onText={setLink} />
        <FailureNote failure={failure} testId="add-network-failure" />
        <div class="row">
          <button type="submit" class="primary" data-testid="add-network" disabled={busy || link.trim() === ''}>
            {busy ? 'Adding…' : 'Add'}
          </button>
          <ScanButton what="the relay" onText={setLink} />
        </div>
      </form>
    </Card>
  )
}
