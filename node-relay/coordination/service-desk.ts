import { equalBytes } from '../../shared/bytes.ts'
import { type ServiceRecord, serviceCheck, serviceMessage } from '../../shared/coordination/service-record.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { MAX_ASKED_SEATS, serversCodec, serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { memberAt } from '../../shared/roster/roster.ts'
import type { FullChain } from '../full-node/chain.ts'

/** One of the connected full nodes is asked this often for the records of others, ms. */
export const SERVICE_ROUND_MS = 5_000
/** Nobody is sent to a server that has not said so for this long, ms. */
export const SERVICE_RECORD_MS = 2 * 3_600_000
/** The own record is signed anew so often, ms; at once when what it says has changed. */
const RENEW_MS = SERVICE_RECORD_MS / 4
/** At its limit from this share of its connections on, and until it is below the second. */
const BUSY_FROM = 0.9
const BUSY_UNTIL = 0.75

export interface ServiceDeskInit {
  readonly network: Pick<PeerNetwork, 'peers' | 'request' | 'on'>
  readonly chain: Pick<FullChain, 'tip' | 'rules'>
  readonly verifier: SignatureVerifier
  /** Whoever seals now: the roster has its key, or it serves nobody. */
  sealing(): Signer
  /** Where browsers reach this relay, best first. */
  addresses(): readonly string[]
  /** Connections that it can hold. */
  readonly capacity: number
  now(): number
}

export interface ServiceDesk {
  /** A connected peer answers as a full node of this network. */
  foundFullNode(peer: string): void
  /** Those of them that are still connected. */
  fullNodes(): readonly string[]
  /** What the holders of these seats say of themselves, as far as it is known and not too old. */
  records(seats: readonly number[]): ServiceRecord[]
  /** Signs anew what has changed, and asks one of the others. Every {@link SERVICE_ROUND_MS}. */
  look(): Promise<void>
}

/** Where each full node serves and whether it can take more: the own word, and those that others signed and pass on. */
export function createServiceDesk(init: ServiceDeskInit): ServiceDesk {
  const { network, chain, verifier, now } = init
  const { networkId } = chain.rules
  /** By seat: as many as the roster has. The key that signed it is kept, since a seat's key may change. */
  const known = new Map<number, { readonly record: ServiceRecord; readonly key: Uint8Array }>()
  /** Connected peers only. */
  const fullNodes = new Set<string>()
  let isBusy = false
  let turn = 0
  network.on('disconnected', ({ peerId }) => fullNodes.delete(peerId))

  const isCurrent = (seat: number, key: Uint8Array): boolean => {
    const member = memberAt(chain.tip.roster, seat)
    return member !== undefined && equalBytes(member.sealingKey, key)
  }

  async function sayOwn(): Promise<void> {
    const sealing = init.sealing()
    const key = sealing.publicKey
    const member = chain.tip.roster.members.find(({ sealingKey }) => equalBytes(sealingKey, key))
    const addresses = [...init.addresses()]
    if (member === undefined || addresses.length === 0) return
    const { seat } = member
    const load = network.peers().length / init.capacity
    isBusy = load >= (isBusy ? BUSY_UNTIL : BUSY_FROM)
    const said = known.get(seat)
    const isSame =
      said !== undefined &&
      isCurrent(seat, said.key) &&
      said.record.isBusy === isBusy &&
      said.record.addresses.join() === addresses.join()
    if (isSame && Math.abs(now() - said.record.issuedAt) < RENEW_MS) return
    const content = { seat, issuedAt: Math.max(now(), (said?.record.issuedAt ?? 0) + 1), isBusy, addresses }
    const signature = await sealing.sign(serviceMessage(networkId, content))
    known.set(seat, { record: { ...content, signature }, key })
  }

  async function hear(records: readonly ServiceRecord[]): Promise<void> {
    const { roster } = chain.tip
    const news = records.flatMap((record) => {
      const said = known.get(record.seat)
      const check = serviceCheck(networkId, record, roster)
      const isNews = said === undefined || !isCurrent(record.seat, said.key) || record.issuedAt > said.record.issuedAt
      return check !== undefined && isNews ? [{ record, check }] : []
    })
    const verdicts = await verifier.verifyBatch(news.map(({ check }) => check))
    // One that does not hold may be of a key that was replaced just now: whoever passed it on is not to blame.
    for (const [i, { record, check }] of news.entries())
      if (verdicts[i] === true) known.set(record.seat, { record, key: check.publicKey })
    for (const [seat, { key }] of known) if (!isCurrent(seat, key)) known.delete(seat)
  }

  async function askOne(): Promise<void> {
    const peers = [...fullNodes]
    const own = init.sealing().publicKey
    const others = chain.tip.roster.members.filter(({ sealingKey }) => !equalBytes(sealingKey, own))
    const peer = peers[turn % peers.length]
    if (peer === undefined || others.length === 0) return
    // All in turn; half of the places first for those of whom nothing is known, who may be gone for good.
    const start = ((turn * MAX_ASKED_SEATS) / 2) % others.length
    const inTurn = [...others.slice(start), ...others.slice(0, start)].map(({ seat }) => seat)
    const missing = inTurn.filter((seat) => !known.has(seat)).slice(0, MAX_ASKED_SEATS / 2)
    const asked = [...new Set([...missing, ...inTurn])].slice(0, MAX_ASKED_SEATS)
    turn++
    const request = serversRequestCodec.encode({ networkId, seats: asked.sort((a, b) => a - b) })
    // Who does not say names nobody.
    const answer = await network.request(peer, PROTOCOLS.servers, request).catch(() => undefined)
    const told = answer && serversCodec.decode(answer)
    if (told?.ok) await hear(told.value.records.filter(({ seat }) => asked.includes(seat)))
  }

  return {
    foundFullNode: (peer) => void fullNodes.add(peer),
    fullNodes: () => [...fullNodes],
    records: (seats) =>
      seats.flatMap((seat) => {
        const said = known.get(seat)
        if (said === undefined || !isCurrent(seat, said.key)) return []
        return now() - said.record.issuedAt < SERVICE_RECORD_MS ? [said.record] : []
      }),
    async look() {
      await sayOwn()
      await askOne()
    },
  }
}
