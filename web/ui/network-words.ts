/** What the status view says about a network: pure, from the view that the worker sends. */
import type { KeeperActivity } from '../../shared/chain/keepers.ts'
import type { NetworkView, PeerView, SyncPhase, TransportName } from '../worker/api.ts'
import { countOf, formatAge, formatCount, formatDuration } from './format.ts'
import type { Tone } from './tone.ts'

export const PHASE_WORDS: Readonly<Record<SyncPhase, string>> = {
  connecting: 'Connecting',
  syncing: 'Catching up',
  following: 'Up to date',
  asleep: 'Asleep',
  offline: 'Offline',
}

export const PHASE_TONES: Readonly<Record<SyncPhase, Tone>> = {
  connecting: 'calm',
  syncing: 'calm',
  following: 'good',
  asleep: 'idle',
  offline: 'warn',
}

type PhaseFacts = Pick<NetworkView, 'phase' | 'tip' | 'targetHeight' | 'headersVerified' | 'startHeight'>

/** One sentence under the phase's word. */
export function phaseSentence(network: PhaseFacts, now: number): string {
  switch (network.phase) {
    case 'connecting':
      return 'Looking for a relay of this network.'
    case 'syncing':
      return network.targetHeight === undefined
        ? 'Fetching and checking block headers.'
        : `Checking block headers up to ${formatCount(network.targetHeight)}.`
    case 'following':
      return 'This browser checks each new block as it comes.'
    case 'asleep':
      return network.tip === undefined
        ? 'The network is asleep. It goes on when the relay wakes up.'
        : `No new block for ${formatDuration(now - network.tip.time)}: the relay or this device slept. What is settled stays settled.`
    case 'offline':
      return 'No relay can be reached. What is shown was checked before.'
  }
}

/** Headers checked of all to be checked, 0..1; undefined when there is nothing to show. */
export function syncProgress(network: PhaseFacts): number | undefined {
  const { phase, targetHeight, startHeight, tip } = network
  if (phase !== 'syncing' || targetHeight === undefined || targetHeight <= startHeight) return undefined
  const done = (tip?.height ?? startHeight) - startHeight
  return Math.min(1, Math.max(0, done / (targetHeight - startHeight)))
}

/** `2 of 3 keepers seen` */
export function keepersSentence(settled: { readonly keepersSeen: number; readonly keepers: number }): string {
  return `${settled.keepersSeen} of ${settled.keepers} ${settled.keepers === 1 ? 'keeper' : 'keepers'} seen`
}

/** What a keeper did of late, and what it means that one sleeps. */
export function keeperSentence(
  { sealed, last, silent, isAsleep }: KeeperActivity,
  blocks: number,
  now: number,
): string {
  const age = last && formatAge(last.time, now)
  if (isAsleep)
    return `Has not sealed ${last ? `since block ${formatCount(last.height)}, ${age}` : `any of the last ${silent} blocks`}; its turn passes to others.`
  return `Sealed ${sealed} of the last ${countOf(blocks, 'block')}${age ? `, its last ${age}` : ''}.`
}

export const SINGLE_KEEPER_SENTENCE = 'One relay keeps this network: its key is the trust.'

export function startSentence(startHeight: number): string {
  return startHeight === 0 ? 'From the first block' : `From the checkpoint at ${formatCount(startHeight)}`
}

export const TRANSPORT_WORDS: Readonly<Record<TransportName, string>> = {
  'webrtc-direct': 'WebRTC, direct',
  webrtc: 'WebRTC, browser to browser',
  websocket: 'WebSocket',
  tcp: 'TCP',
  circuit: 'Through a relay',
}

const SERVED_OVER: Readonly<Record<TransportName, string>> = {
  'webrtc-direct': 'over direct WebRTC',
  webrtc: 'over WebRTC between browsers',
  websocket: 'over a WebSocket',
  tcp: 'over TCP',
  circuit: 'through a relay',
}

/** Serving peers first, then the nearest. */
export function sortPeers(peers: readonly PeerView[]): PeerView[] {
  const distance = (peer: PeerView) => peer.roundTrip ?? Number.POSITIVE_INFINITY
  return [...peers].sort((one, other) => {
    if (one.serving !== other.serving) return one.serving ? -1 : 1
    return distance(one) === distance(other) ? 0 : distance(one) - distance(other)
  })
}

/** Which peer answers this phone's questions, for the status line. */
export function servedBySentence(peers: readonly PeerView[]): string {
  const serving = peers.filter((peer) => peer.serving)
  const [first] = serving
  if (first === undefined) return 'No peer serves this browser now.'
  const others = serving.length - 1
  const name = `the ${first.label || 'unnamed'} node …${first.peerId.slice(-6)}`
  const way = SERVED_OVER[first.transport]
  return `Served by ${name} ${way}${others === 0 ? '' : `, and ${countOf(others, 'other')}`}.`
}
