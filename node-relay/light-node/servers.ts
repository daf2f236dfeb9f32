import { accept, LaresError, type Result, reject } from '../../shared/errors.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { PROTOCOLS, type ProtocolName } from '../../shared/protocol/ids.ts'
import { statusCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork, TransportClock } from '../../shared/protocol/transport.ts'
import type { Asking } from '../../shared/sync/asking.ts'

/** A peer that is no full node, or did not say so, is asked again after this long, ms: it may have become one. */
const ASK_AGAIN_MS = 60_000
/** A server that has let this many questions in a row go unanswered is hung up on, and dialled anew. */
const MAX_SILENCES = 3

export interface LightServersInit {
  readonly network: Pick<PeerNetwork, 'peers' | 'request' | 'on' | 'disconnect'>
  readonly clock: TransportClock
  /** Somebody is there who may be a full node: it is asked where it stands. */
  onPeer(peer: string): void
  onGone(peer: string): void
  /** A full node has said where it stands. */
  onFullNode(peer: string): void
}

export interface LightServers extends Asking {
  /** Full nodes that have answered. */
  readonly size: number
  /** Looks again at those that were set aside. From time to time. */
  look(): void
  stop(): void
}

interface Server {
  isLate: boolean
  silences: number
}

/** The connected full nodes: whom a node without blocks asks. Others may connect to it, but have nothing to give. */
export function createLightServers(init: LightServersInit): LightServers {
  const { network, clock } = init
  /** Connected peers only, in both: bounded as connections are. */
  const full = new Map<string, Server>()
  const aside = new Map<string, number>()

  function setAside(peer: string): void {
    full.delete(peer)
    aside.set(peer, clock.now())
    init.onGone(peer)
  }

  function answered(peer: string): void {
    const server = full.get(peer)
    if (server !== undefined) Object.assign(server, { isLate: false, silences: 0 })
  }

  function silent(peer: string): void {
    const server = full.get(peer)
    if (server === undefined || ++server.silences < MAX_SILENCES) return
    server.silences = 0
    void network.disconnect(peer, 'silent')
  }

  function heard(peer: string, bytes: Uint8Array): Result<Uint8Array> {
    const status = statusCodec.decode(bytes)
    // Whoever judges the answer says what is wrong with it.
    if (!status.ok) return accept(bytes)
    if ((status.value.label & LABEL.full) === 0) {
      // After this answer has been taken in.
      queueMicrotask(() => setAside(peer))
      return reject('no-full-node', 'it has no chain to follow')
    }
    if (!full.has(peer)) {
      full.set(peer, { isLate: false, silences: 0 })
      init.onFullNode(peer)
    }
    return accept(bytes)
  }

  const endings = [
    network.on('connected', ({ peerId }) => init.onPeer(peerId)),
    network.on('disconnected', ({ peerId }) => {
      full.delete(peerId)
      aside.delete(peerId)
      init.onGone(peerId)
    }),
  ]
  return {
    get size() {
      return full.size
    },
    all: () => network.peers().filter(({ peerId }) => !aside.has(peerId)),
    inOrder() {
      const place = ({ isLate, silences }: Server) => Number(isLate || silences > 0)
      return [...full].sort(([, a], [, b]) => place(a) - place(b)).map(([peer]) => peer)
    },
    late(peer) {
      const server = full.get(peer)
      if (server !== undefined) server.isLate = true
    },
    async ask(peer: string, protocol: ProtocolName, bytes: Uint8Array) {
      try {
        const answer = await network.request(peer, PROTOCOLS[protocol], bytes)
        answered(peer)
        return protocol === 'status' ? heard(peer, answer) : accept(answer)
      } catch (error) {
        const code = error instanceof LaresError ? error.code : 'failed'
        if (code === 'timeout' || code === 'peer-gone') silent(peer)
        // Who says nothing must not take the place of one who does.
        if (protocol === 'status' && !full.has(peer)) queueMicrotask(() => setAside(peer))
        return reject(code, String(error))
      }
    },
    look() {
      for (const [peer, since] of aside)
        if (Math.abs(clock.now() - since) >= ASK_AGAIN_MS) {
          aside.delete(peer)
          init.onPeer(peer)
        }
    },
    stop() {
      for (const end of endings) end()
    },
  }
}
