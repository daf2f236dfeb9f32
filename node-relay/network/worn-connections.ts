import type { TransportClock } from '../../shared/protocol/transport.ts'

/**
 * Channels that a peer may open over one WebRTC connection before it is ended, when nothing is asked over it: libdatachannel
 * keeps about 3 KB of each, closed or not, until its connection ends (measured; the heap shows nothing of it). Requests share
 * their streams, so a phone at home hardly ever comes here; when it does, it is back a second later.
 */
export const CHANNELS_BEFORE_RENEWAL = 256
/** And whatever is asked over it. */
export const MAX_CHANNELS_PER_CONNECTION = 384
/** Nothing was opened for this long, ms. */
const QUIET_MS = 1_000

export interface ChannelBounds {
  readonly beforeRenewal: number
  readonly max: number
}

const DEFAULT_BOUNDS: ChannelBounds = { beforeRenewal: CHANNELS_BEFORE_RENEWAL, max: MAX_CHANNELS_PER_CONNECTION }

/** The part of a libp2p connection that is used. */
interface Connection {
  readonly maConn?: {
    readonly peerConnection?: { addEventListener?(type: 'datachannel', listener: () => void): void } | undefined
  }
  readonly status?: string
  close?(): Promise<void>
  abort?(error: Error): void
}

/** Ends a WebRTC connection that has carried many channels, so that its peer comes back over a new one. */
export function endWornConnections(
  detail: object,
  init: { readonly clock: TransportClock; readonly bounds?: ChannelBounds | undefined; log(message: string): void },
): void {
  const { beforeRenewal, max } = init.bounds ?? DEFAULT_BOUNDS
  const connection = detail as Connection
  const { peerConnection } = connection.maConn ?? {}
  let opened = 0
  let cancel = () => {}

  function end(): void {
    cancel()
    if (connection.status !== undefined && connection.status !== 'open') return
    init.log(`a connection is renewed after ${opened} channels`)
    connection.close?.().catch((error: Error) => connection.abort?.(error))
  }

  peerConnection?.addEventListener?.('datachannel', () => {
    opened++
    if (opened < beforeRenewal) return
    cancel()
    if (opened >= max) end()
    else cancel = init.clock.after(QUIET_MS, end)
  })
}
