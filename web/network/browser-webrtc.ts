import type { Transport } from '@libp2p/interface'
import { type WebRTCTransportComponents, type WebRTCTransportInit, webRTC } from '@libp2p/webrtc'
import type { TransportClock } from '../../shared/protocol/transport.ts'

/** Of libp2p's WebRTC specification, "Browser to Browser": SDP and ICE candidates go over this. */
export const SIGNALING_PROTOCOL = '/webrtc-signaling/0.0.1'
/**
 * How long a finished handshake waits for its initiator at most, milliseconds. It ends the signalling stream by itself, a
 * round trip later; only where the relay dies without a word does this time pass.
 */
export const INITIATOR_PATIENCE_MS = 5_000

/** What is used here of a stream: how its other side ends. */
interface SignalingStream {
  remoteWriteStatus: string
  addEventListener(event: 'remoteCloseWrite' | 'close', listener: () => void): void
}

/**
 * WebRTC between two browsers, by `@libp2p/webrtc`, with its race on the `init` channel taken out.
 *
 * The initiator opens a data channel `init` so that there is something to connect, waits for it to be open, closes it
 * and then ends the signalling stream. The recipient's multiplexer closes that channel too, as soon as it sees it. Where
 * the recipient is connected first, as happens when both are near each other, the channel opens and closes before the
 * initiator looks: it waits for an `open` event that has been, until the dial times out (in every version to 6.0.33).
 * So the recipient here starts its multiplexer only when the initiator is done with the channel. The streams that the
 * initiator opens meanwhile are kept by the library.
 */
export function browserWebRtc(
  init: WebRTCTransportInit,
  clock: TransportClock,
): (components: WebRTCTransportComponents) => Transport {
  const createTransport = webRTC(init)
  return (components) => createTransport(waitingForInitiators(components, clock))
}

/** The components with an upgrader that takes a direct connection in when its initiator has ended the signalling. */
export function waitingForInitiators<Components extends Pick<WebRTCTransportComponents, 'registrar' | 'upgrader'>>(
  components: Components,
  clock: TransportClock,
): Components {
  /** Signalling that the other side has not ended. libp2p bounds the streams of a connection, the door the connections. */
  const signaling = new Set<{ peerId: string; ended: Promise<void> }>()
  const { registrar, upgrader } = components

  const handle: typeof registrar.handle = (protocol, handler, options) =>
    registrar.handle(
      protocol,
      (stream, connection) => {
        if (protocol === SIGNALING_PROTOCOL) {
          const entry = { peerId: connection.remotePeer.toString(), ended: remoteEnd(stream) }
          signaling.add(entry)
          void entry.ended.then(() => signaling.delete(entry))
        }
        return handler(stream, connection)
      },
      options,
    )

  const upgradeInbound: typeof upgrader.upgradeInbound = async (connection, options) => {
    const peerId = 'remotePeer' in options ? options.remotePeer?.toString() : undefined
    const ended = [...signaling].filter((each) => each.peerId === peerId).map((each) => each.ended)
    await untilAll(ended, options.signal, clock)
    return upgrader.upgradeInbound(connection, options)
  }

  return withMembers(components, {
    registrar: withMembers(registrar, { handle }),
    upgrader: withMembers(upgrader, { upgradeInbound }),
  } as Partial<Components>)
}

function remoteEnd(stream: SignalingStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.remoteWriteStatus === 'closed') resolve()
    stream.addEventListener('remoteCloseWrite', resolve)
    // Resets and lost connections.
    stream.addEventListener('close', resolve)
  })
}

/** Resolves also when the signal aborts, for the upgrader to say so, and when patience ends. */
async function untilAll(ended: Promise<void>[], signal: AbortSignal | undefined, clock: TransportClock): Promise<void> {
  if (ended.length === 0 || signal?.aborted) return
  await new Promise<void>((resolve) => {
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(INITIATOR_PATIENCE_MS, done)
    signal?.addEventListener('abort', done)
    void Promise.all(ended).then(done)
  })
}

/** The object with some members replaced. libp2p's components are a proxy, which cannot be spread. */
function withMembers<Target extends object>(target: Target, members: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(members, key)) return Reflect.get(members, key)
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
