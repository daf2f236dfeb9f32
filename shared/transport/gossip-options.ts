import { sha256 } from '../hash.ts'
import { MAX_GOSSIP_BACKLOG, MAX_GOSSIP_FRAME } from '../protocol/transport.ts'

/** A relay keeps up to this many neighbours in a topic's mesh: every peer it can have, see relay limits. */
const HUB_MESH = 512

/**
 * Settings of gossipsub, for both sides.
 *
 * - Unsigned messages (StrictNoSign): what travels carries its own signatures (seals, wallets), and a publisher's
 *   session key says nothing to anyone. The message ID is therefore the hash of the data.
 * - A relay is a hub: browsers know no one but relays, so it keeps *all* of them in its mesh. With the usual mesh of
 *   6 to 12 the rest would only hear of messages by lazy gossip, to a random 6 each second, and three in ten would
 *   miss one. A browser keeps the usual mesh.
 * - The IP-colocation penalty is off: it silences everyone once ten peers share an address, as they do behind one NAT;
 *   our own door limits connections per address. Broken promises of a sleeping tab are forgiven up to a threshold.
 * - floodPublish: an own message goes to all neighbours at once; both sides publish little.
 */
export function gossipOptions(role: 'hub' | 'leaf') {
  return {
    globalSignaturePolicy: 'StrictNoSign' as const,
    msgIdFn: (message: { readonly data: Uint8Array }) => sha256(message.data),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    floodPublish: true,
    emitSelf: false,
    doPX: false,
    runOnLimitedConnection: false,
    maxInboundDataLength: MAX_GOSSIP_FRAME,
    maxOutboundBufferSize: MAX_GOSSIP_BACKLOG,
    /** About sixty topics of one peer are remembered. */
    maxTopicBytesPerPeer: 64 * 1024,
    scoreParams: {
      IPColocationFactorWeight: 0,
      behaviourPenaltyThreshold: 6,
      /** Ten minutes instead of an hour: session keys are fresh, so scores of gone peers are of no use. */
      retainScore: 10 * 60_000,
    },
    ...(role === 'hub' ? { D: HUB_MESH, Dlo: HUB_MESH, Dhi: 2 * HUB_MESH } : {}),
  }
}
