import { MAX_LINK_ADDRESSES } from '../../shared/protocol/join-link.ts'
import { peersCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import { hostOf, isSharedHost, transportOf } from '../../shared/transport/address.ts'
import type { Servers } from './servers.ts'

/**
 * After a roster change the servers are asked again: first after this long, ms, then after twice as long each time, since
 * they hear of a new one only when it has found them and written its addresses into the ledger.
 */
const FIRST_PAUSE_MS = 10_000
/** Who has not found it by then is asked at the next connection only, ms. */
const LAST_PAUSE_MS = 5 * 60_000
/** Addresses kept of one server: one for WebRTC, one for WebSockets. */
export const MAX_HINTS_PER_SERVER = 2

export interface ServerHintsInit {
  readonly servers: Servers
  readonly clock: TransportClock
  readonly networkId: Uint8Array
  readonly addresses: () => readonly string[]
  /** Called only when they have changed. */
  keep(addresses: readonly string[]): void
}

/**
 * Learns where the other full nodes are from those that answer, so that a network whose first relay dies for ever is found
 * without a new join link. Addresses are hints: whoever is met there must prove all that any server must.
 */
export class ServerHints {
  readonly #init: ServerHintsInit
  /** Connected full nodes: bounded as the servers are. */
  readonly #peers = new Set<string>()
  #cancel: (() => void) | undefined

  constructor(init: ServerHintsInit) {
    this.#init = init
  }

  /** A full node: asked once for each connection, and again after a roster change. */
  met(peer: string): void {
    if (this.#peers.has(peer)) return
    this.#peers.add(peer)
    void this.#ask(peer)
  }

  gone(peer: string): void {
    this.#peers.delete(peer)
  }

  /** There may be another full node. */
  rosterChanged(): void {
    this.#cancel?.()
    this.#askAllIn(FIRST_PAUSE_MS)
  }

  stop(): void {
    this.#cancel?.()
  }

  #askAllIn(pauseMs: number): void {
    this.#cancel = this.#init.clock.after(pauseMs, () => {
      for (const peer of this.#peers) void this.#ask(peer)
      if (2 * pauseMs <= LAST_PAUSE_MS) this.#askAllIn(2 * pauseMs)
    })
  }

  async #ask(peer: string): Promise<void> {
    const { servers, networkId } = this.#init
    const answer = await servers.ask(peer, 'peers', statusRequestCodec.encode({ networkId }))
    const told = answer.ok ? peersCodec.decode(answer.value) : answer
    const near = servers.all().find(({ peerId }) => peerId === peer)?.address
    if (!told.ok || near === undefined) return
    const known = this.#init.addresses()
    const merged = mergeAddresses(known, told.value.addresses, isAtHome(near))
    if (merged.join() !== known.join()) this.#init.keep(merged)
  }
}

/**
 * What is known stays in front; of what is told only what a browser can dial is added, so many of each server and in all.
 *
 * @param atHome whether the teller is in this LAN: only then it may name addresses within it
 */
export function mergeAddresses(known: readonly string[], told: readonly string[], atHome: boolean): string[] {
  const merged = known.slice(0, MAX_LINK_ADDRESSES)
  for (const address of told) {
    const peer = peerOf(address)
    if (peer === undefined || merged.length >= MAX_LINK_ADDRESSES || merged.includes(address)) continue
    const kind = transportOf(address)
    if (kind !== 'webrtc-direct' && kind !== 'websocket') continue
    if (!atHome && isAtHome(address)) continue
    const ofPeer = merged.filter((one) => peerOf(one) === peer)
    if (ofPeer.length >= MAX_HINTS_PER_SERVER || ofPeer.some((one) => transportOf(one) === kind)) continue
    merged.push(address)
  }
  return merged
}

function isAtHome(address: string): boolean {
  const host = hostOf(address)
  // A name such as lares.local is met in the LAN, too.
  return host === undefined ? /^\/dns\d?\/[^/]+\.local\//.test(address) : isSharedHost(host)
}

function peerOf(address: string): string | undefined {
  return /\/p2p\/([A-Za-z0-9]+)$/.exec(address)?.[1]
}
