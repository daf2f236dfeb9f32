/** The part of an RTCPeerConnection of node-datachannel that is used. */
interface PeerConnection {
  createDataChannel(...init: unknown[]): DataChannel
  addEventListener(type: 'datachannel', listener: (event: { readonly channel: DataChannel }) => void): void
}

interface DataChannel {
  readonly readyState: string
  addEventListener(type: 'close', listener: () => void): void
}

/**
 * Lets go of data channels that the peer opened once they are closed.
 *
 * node-datachannel keeps every channel of a connection in a private set and takes out those that it opened itself, but
 * never those that the other side opened. Each request of a browser is a channel with its stream and buffers, so a phone
 * that stays connected for a day would cost the relay about a hundred megabytes. The set shows when this side opens a
 * channel (gossip and identify do, right after connecting); from then on closed channels are taken out of it.
 *
 * @param connection of libp2p, just opened; one of another transport is left alone
 */
export function letGoOfClosedChannels(connection: object): void {
  const peerConnection = (connection as { readonly maConn?: { readonly peerConnection?: PeerConnection } }).maConn
    ?.peerConnection
  if (peerConnection === undefined) return
  const create = peerConnection.createDataChannel

  peerConnection.createDataChannel = (...init) => {
    peerConnection.createDataChannel = create
    const { channel, kept } = findKeeper(() => create.apply(peerConnection, init))
    if (kept === undefined) return channel
    const watch = (one: DataChannel) => {
      if (one.readyState === 'closed') kept.delete(one)
      else one.addEventListener('close', () => kept.delete(one))
    }
    for (const one of kept) watch(one)
    peerConnection.addEventListener('datachannel', (event) => watch(event.channel))
    return channel
  }
}

/** The set that a new channel is put into. Sets are looked over for the time of one synchronous call. */
function findKeeper(create: () => DataChannel): {
  readonly channel: DataChannel
  readonly kept: Set<DataChannel> | undefined
} {
  const { add } = Set.prototype
  const additions: { readonly set: Set<unknown>; readonly value: unknown }[] = []
  Set.prototype.add = function (this: Set<unknown>, value: unknown) {
    additions.push({ set: this, value })
    return add.call(this, value)
  }
  try {
    const channel = create()
    const kept = additions.find(({ value }) => value === channel)?.set as Set<DataChannel> | undefined
    return { channel, kept }
  } finally {
    Set.prototype.add = add
  }
}
