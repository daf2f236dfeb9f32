import type { PeerView, TransportName } from '../worker/api.ts'
import { countOf, formatCount } from './format.ts'
import { Icon, type IconName } from './icons.tsx'
import { sortPeers, TRANSPORT_WORDS } from './network-words.ts'

const TRANSPORT_ICONS: Readonly<Record<TransportName, IconName>> = {
  'webrtc-direct': 'direct',
  webrtc: 'browser',
  websocket: 'socket',
  tcp: 'socket',
  circuit: 'relayed',
}

export function PeerList({ peers }: { peers: readonly PeerView[] }) {
  if (peers.length === 0) return <p class="muted">No peer is connected.</p>
  return (
    <>
      <ul class="peers">
        {sortPeers(peers).map((peer) => (
          <PeerRow key={peer.peerId} peer={peer} />
        ))}
      </ul>
      <p class="muted small">What a peer is, and its block, is its own word.</p>
    </>
  )
}

function PeerRow({ peer }: { peer: PeerView }) {
  return (
    <li
      data-testid="peer"
      data-transport={peer.transport}
      data-peer-id={peer.peerId}
      data-serving={peer.serving}
      data-address={peer.address}
    >
      <span class={`peer-icon ${peer.serving ? 'tone-good' : 'tone-idle'}`}>
        <Icon name={TRANSPORT_ICONS[peer.transport]} size={20} />
      </span>
      <div class="peer-text">
        <p>
          <strong>{peer.label || 'unknown'}</strong> <span class="mono small">…{peer.peerId.slice(-6)}</span>
          {peer.serving && <span class="tag">serves this browser</span>}
          {peer.duty && (
            <span class="tag" data-testid="duty">
              {peer.duty}
            </span>
          )}
        </p>
        <p class="muted small">
          {TRANSPORT_WORDS[peer.transport]}
          {peer.roundTrip !== undefined && <> · {Math.round(peer.roundTrip)} ms</>}
          {peer.height !== undefined && <> · block {formatCount(peer.height)}</>}
          {peer.penalty > 0 && <> · {countOf(peer.penalty, 'penalty point')}</>}
        </p>
        <p class="mono small muted address">{peer.address}</p>
      </div>
    </li>
  )
}
