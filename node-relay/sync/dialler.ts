import { MAX_PEER_ADDRESSES, PROTOCOLS } from '../../shared/protocol/ids.ts'
import { peersCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork, TransportClock } from '../../shared/protocol/transport.ts'
import { hostOf, isSharedHost } from '../../shared/transport/address.ts'
import { type AddressBook, type Candidate, peerOf } from './address-book.ts'

/** Connections to full nodes that a relay keeps up by itself, besides those that a person named. */
export const MAX_OUTBOUND_PEERS = 8
/** Between two rounds of dialling, ms. */
const ROUND_MS = 5_000
/** A full node is asked for the addresses of others this often, ms, */
const ASK_PEERS_MS = 10 * 60_000
/** and by who is connected to fewer than this many so often: in a young network each may hang on one, and that one may go. */
const FEW_PEERS = 4
const ASK_PEERS_SOON_MS = 15_000

/** Records of the ledger are looked at again this often: who could not be reached was forgotten meanwhile. ms */
const RECORDS_MS = 10 * 60_000

/** A full node's addresses, as its own record in the ledger has them. */
export interface RecordedNode {
  /** Device ID, hex. */
  readonly device: string
  /** Multiaddrs; those without peer ID are of no use here. */
  readonly addresses: readonly string[]
}

export interface Dialler {
  /** A peer answers as a full node of this network: it is asked whom it knows. */
  foundFullNode(peer: string): void
  /** Records in the ledger have changed. */
  recordsChanged(): void
  /** What to tell who asks for full nodes: ourselves and those that answered. */
  known(): string[]
  stop(): void
}

/** Keeps connections to full nodes, and learns of further ones from them. */
export function createDialler(init: {
  readonly network: Pick<PeerNetwork, 'peerId' | 'addresses' | 'peers' | 'dial' | 'request' | 'on'>
  readonly networkId: Uint8Array
  readonly book: AddressBook
  readonly clock: TransportClock
  /** Connections to keep up; default: {@link MAX_OUTBOUND_PEERS}. */
  readonly outbound?: number
  /** Of the full nodes in the ledger. */
  recorded(): readonly RecordedNode[]
  /** The addresses to keep for the next start have changed. */
  remember(addresses: readonly string[]): void
  log(message: string): void
}): Dialler {
  const { network, book, clock, outbound = MAX_OUTBOUND_PEERS, log } = init
  const underway = new Set<string>()
  /** When connected full nodes were asked: bounded as connections are. */
  const asked = new Map<string, number>()
  const stopping = new AbortController()
  let cancel = () => {}
  let recordsAt = Number.NEGATIVE_INFINITY

  /** Hints as any others: a record is as good as its device, and who answers must prove to be the peer that it names. */
  function hearRecords(): void {
    recordsAt = clock.now()
    for (const { device, addresses } of init.recorded()) book.hear(addresses, device)
  }

  function round(): void {
    if (Math.abs(clock.now() - recordsAt) >= RECORDS_MS) hearRecords()
    const connected = new Set(network.peers().map(({ peerId }) => peerId))
    const wanted = outbound - asked.size - underway.size
    const isBusy = (peer: string) => connected.has(peer) || underway.has(peer)
    for (const candidate of book.next(isBusy, wanted, clock.now())) void reach(candidate)
    const pause = asked.size < FEW_PEERS ? ASK_PEERS_SOON_MS : ASK_PEERS_MS
    for (const [peer, at] of asked) if (clock.now() - at >= pause) void ask(peer)
    cancel = clock.after(ROUND_MS, round)
  }

  async function reach({ peer, addresses }: Candidate): Promise<void> {
    underway.add(peer)
    try {
      for (const address of addresses) {
        try {
          await network.dial(address, { signal: stopping.signal })
          // Whether it is a full node of this network is said by its status.
          book.ended(peer, clock.now())
          return
        } catch (error) {
          if (stopping.signal.aborted) return
          log(`${peer} is not reached at ${address}: ${String(error)}`)
        }
      }
      book.failed(peer, clock.now())
    } finally {
      underway.delete(peer)
    }
  }

  async function ask(peer: string): Promise<void> {
    asked.set(peer, clock.now())
    // Who does not say names nobody.
    const answer = await network
      .request(peer, PROTOCOLS.peers, statusRequestCodec.encode({ networkId: init.networkId }))
      .catch(() => undefined)
    const told = answer && peersCodec.decode(answer)
    const address = addressOf(peer)
    if (!told?.ok || address === undefined) return
    const host = hostOf(address)
    const isNear = host !== undefined && isSharedHost(host)
    // A stranger from outside must not have a home's relay knock at doors within it.
    const taken = told.value.addresses.filter((one) => {
      const named = hostOf(one)
      return named !== undefined && (isNear || !isSharedHost(named))
    })
    book.hear(taken, host === undefined || isNear ? peer : host)
    // It has told its own addresses, too.
    book.answered(peer, address)
    init.remember(book.good())
  }

  function addressOf(peer: string): string | undefined {
    return network.peers().find(({ peerId }) => peerId === peer)?.address
  }

  const endings = [
    network.on('disconnected', ({ peerId }) => {
      asked.delete(peerId)
      book.ended(peerId, clock.now())
    }),
  ]
  round()
  return {
    foundFullNode(peer) {
      const address = addressOf(peer)
      if (address === undefined) return
      book.answered(peer, address)
      init.remember(book.good())
      if (!asked.has(peer)) void ask(peer)
    },
    recordsChanged: hearRecords,
    known() {
      const own = network.addresses().filter((address) => peerOf(address) === network.peerId)
      return [...own, ...book.good()].slice(0, MAX_PEER_ADDRESSES)
    },
    stop() {
      stopping.abort()
      for (const end of endings) end()
      cancel()
    },
  }
}
