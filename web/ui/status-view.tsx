import { useState } from 'preact/hooks'
import type { AppView, NetworkView } from '../worker/api.ts'
import { ChainStrip } from './chain-strip.tsx'
import { DeviceId } from './device-id.tsx'
import { formatAge, formatCount, formatWork } from './format.ts'
import { Icon } from './icons.tsx'
import { IDENTITY_SENTENCES, IDENTITY_TONES, IDENTITY_WORDS, keepingSentence, LOST_SENTENCE } from './identity-words.ts'
import { IncidentList } from './incident-list.tsx'
import { KeeperList } from './keeper-list.tsx'
import {
  PHASE_TONES,
  PHASE_WORDS,
  phaseSentence,
  SINGLE_KEEPER_SENTENCE,
  servedBySentence,
  startSentence,
  syncProgress,
} from './network-words.ts'
import { Card, Facts, Late, Note, Pill } from './parts.tsx'
import { PeerList } from './peer-list.tsx'
import { type PageActions, useNow } from './store.ts'

const loadServing = async () => (await import('./serving-reasons.tsx')).ServingReasons
const loadReasons = async () => (await import('./label-reasons.tsx')).LabelReasons

export function StatusView({ view, actions }: { view: AppView; actions: PageActions }) {
  const now = useNow()
  const [isAsked, setAsked] = useState(false)
  const network = view.active
  if (network === undefined) return <NoNetwork />
  return (
    <div class="columns">
      <div class="column">
        <ChainCard network={network} now={now} />
        <a class="button primary wide" href="#/audit">
          <Icon name="audit" /> Check a device
        </a>
        {network.keepers !== undefined && network.keepers.blocks > 0 && (
          <Card title="Keepers">
            <KeeperList keepers={network.keepers} count={network.settled?.keepers ?? 0} now={now} />
          </Card>
        )}
        <EvidenceCard network={network} />
        <Card title="Incidents">
          <IncidentList incidents={network.incidents} now={now} />
        </Card>
      </div>
      <div class="column">
        <IdentityCard network={network} isPersisted={view.storage.isPersisted} actions={actions} />
        <Card title="Peers">
          <p class="muted">{servedBySentence(network.peers)}</p>
          <PeerList peers={network.peers} />
          {network.assigned.length > 0 && (
            <details onToggle={(event) => setAsked(event.currentTarget.open)}>
              <summary data-testid="serving-why">Who serves this device, and why</summary>
              {isAsked && <Late load={loadServing} props={{ network }} waiting={null} />}
            </details>
          )}
        </Card>
      </div>
    </div>
  )
}

function NoNetwork() {
  return (
    <Card title="No network yet" class="lonely">
      <p>
        Add a network by its join link. The relay prints it when it starts, as text and as a QR code for this device's
        camera.
      </p>
      <a class="button primary" href="#/networks">
        <Icon name="networks" /> Add a network
      </a>
    </Card>
  )
}

function ChainCard({ network, now }: { network: NetworkView; now: number }) {
  const { tip, settled, phase } = network
  const progress = syncProgress(network)
  return (
    <Card class="chain-card">
      <div class="chain-head">
        <h2 data-testid="network-name">{network.name}</h2>
        <Pill tone={PHASE_TONES[phase]} testId="phase" value={phase}>
          {PHASE_WORDS[phase]}
        </Pill>
      </div>
      <p class="muted">{phaseSentence(network, now)}</p>
      {progress !== undefined && <progress max={1} value={progress} aria-label="Headers checked" />}
      <div class="heights">
        <div>
          <span class="height-label">Settled</span>
          <strong data-testid="settled-height" data-value={settled?.height}>
            {settled === undefined ? '–' : formatCount(settled.height)}
          </strong>
          <span class="muted small">{settled === undefined ? 'not yet' : formatAge(settled.time, now)}</span>
        </div>
        <div>
          <span class="height-label">Tip</span>
          <strong data-testid="tip-height" data-value={tip?.height} data-hash={tip?.hash}>
            {tip === undefined ? '–' : formatCount(tip.height)}
          </strong>
          <span class="muted small">{tip === undefined ? 'not yet' : formatAge(tip.time, now)}</span>
        </div>
      </div>
      <ChainStrip network={network} />
      {network.singleKeeper && (
        <p class="muted small" data-testid="single-keeper">
          {SINGLE_KEEPER_SENTENCE}
        </p>
      )}
    </Card>
  )
}

function EvidenceCard({ network }: { network: NetworkView }) {
  const { headersVerified, headersStored, headersFetched, work, startHeight, networkId } = network
  const facts = [
    { term: 'Headers verified', detail: <Count value={headersVerified} testId="headers-verified" /> },
    { term: 'Headers stored', detail: <Count value={headersStored} testId="headers-stored" /> },
    { term: 'Fetched since it was opened', detail: <Count value={headersFetched} testId="headers-fetched" /> },
    { term: 'Work behind the tip', detail: formatWork(work), testId: 'work' },
    { term: 'Started', detail: startSentence(startHeight), testId: 'start-height' },
    { term: 'Network ID', detail: <span class="mono small break">{networkId}</span>, testId: 'network-id' },
  ]
  return (
    <Card title="Checked by this browser itself">
      <Facts facts={facts} />
    </Card>
  )
}

function Count({ value, testId }: { value: number; testId: string }) {
  return (
    <span data-testid={testId} data-value={value}>
      {formatCount(value)}
    </span>
  )
}

function IdentityCard(props: { network: NetworkView; isPersisted: boolean | undefined; actions: PageActions }) {
  const { network, isPersisted, actions } = props
  const { identity } = network
  const [isAsked, setAsked] = useState(false)
  const hasKey = identity.deviceId !== undefined && !identity.isLost
  const keeping = hasKey ? keepingSentence(isPersisted) : undefined
  return (
    <Card title="This device">
      <div class="identity-head">
        <Pill tone={IDENTITY_TONES[identity.state]} testId="identity-state" value={identity.state}>
          {IDENTITY_WORDS[identity.state]}
        </Pill>
        <span class="tag" data-testid="label">
          {identity.label}
        </span>
      </div>
      <p class="muted">{IDENTITY_SENTENCES[identity.state]}</p>
      {identity.isLost && (
        <Note tone="bad" testId="identity-lost">
          {LOST_SENTENCE}
        </Note>
      )}
      {network.presence?.sentence !== undefined && (
        <Note tone={network.presence.tone} testId={`presence-${network.presence.state}`}>
          {network.presence.sentence}
        </Note>
      )}
      {identity.deviceId !== undefined && <DeviceId id={identity.deviceId} did={identity.did} />}
      {identity.failure !== undefined && <Note tone="bad">{identity.failure.sentence}</Note>}
      {keeping !== undefined && (
        <p class="muted small" data-testid="keeping" data-value={isPersisted}>
          {keeping}
        </p>
      )}
      {identity.isLost && (
        <a class="button" href="#/join">
          <Icon name="identity" /> Bring it back with its words
        </a>
      )}
      {!identity.isLost && (identity.state === 'none' || identity.state === 'retired') && (
        <a class="button" href="#/join">
          <Icon name="identity" /> Join with a voucher
        </a>
      )}
      <details onToggle={(event) => setAsked(event.currentTarget.open)}>
        <summary data-testid="label-why">Which label fits this device, and why</summary>
        {isAsked && <Late load={loadReasons} props={{ actions }} waiting={null} />}
      </details>
    </Card>
  )
}
