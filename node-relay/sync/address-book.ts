/** Full nodes named by a person: by a join link, or on the command line. */
export const MAX_CONFIGURED_PEERS = 16
/** Full nodes that answered once. When full, the one that failed most goes, then the oldest. */
export const MAX_TRIED_PEERS = 64
/** Full nodes that others spoke of. When full, the source that named most loses its oldest. */
export const MAX_NEW_PEERS = 256
/** Of one source: nobody fills the book alone. */
export const MAX_NEW_PER_SOURCE = 16
/** Addresses of one of them. */
export const MAX_ADDRESSES_PER_NODE = 8
/** A node that others spoke of and that was never reached is forgotten after so many tries. */
const MAX_FAILURES_OF_NEW = 4
/** A node that could not be reached is left alone this long, ms, and twice as long each time after that. */
const FIRST_PAUSE_MS = 5_000
const MAX_PAUSE_MS = 5 * 60_000

type Standing = 'configured' | 'tried' | 'new'

interface Entry {
  readonly peer: string
  standing: Standing
  /** Who spoke of it; undefined for a person. */
  readonly source: string | undefined
  /** Tried in this order; the one that worked is in front. */
  readonly addresses: string[]
  failures: number
  notBefore: number
}

export interface Candidate {
  readonly peer: string
  readonly addresses: readonly string[]
}

/**
 * Where full nodes are, against eclipse (Heilman et al. 2015): those that answered are kept apart from those that others only
 * spoke of, no source may fill the book, and who is dialled next is drawn from both. Addresses are hints; nothing is
 * believed for having come from one. Pure but for the chance that is handed in.
 */
export class AddressBook {
  readonly #entries = new Map<string, Entry>()
  readonly #own: string
  readonly #random: (below: number) => number

  /** @param random a whole number from 0 to below - 1 */
  constructor(init: { readonly ownPeerId: string; random(below: number): number }) {
    this.#own = init.ownPeerId
    this.#random = init.random
  }

  /** Multiaddrs with peer ID, from a person or from the last run. */
  configure(addresses: readonly string[]): void {
    this.#add(addresses, 'configured', undefined)
  }

  /** @param source who spoke of them: a peer, or the host that many peers share */
  hear(addresses: readonly string[], source: string): void {
    this.#add(addresses, 'new', source)
  }

  /** It has proved to be a full node of this network. */
  answered(peer: string, address: string | undefined): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.failures = 0
    const at = address === undefined ? -1 : entry.addresses.indexOf(address)
    if (at > 0) entry.addresses.unshift(...entry.addresses.splice(at, 1))
    if (entry.standing !== 'new') return
    entry.standing = 'tried'
    const tried = this.#of('tried')
    if (tried.length <= MAX_TRIED_PEERS) return
    const worst = tried.reduce((one, other) => (other.failures > one.failures ? other : one))
    this.#entries.delete((worst === entry ? (tried[0] as Entry) : worst).peer)
  }

  failed(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.notBefore = now + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(entry.failures, 10))
    entry.failures++
    if (entry.standing === 'new' && entry.failures >= MAX_FAILURES_OF_NEW) this.#entries.delete(peer)
  }

  /** Left alone for a moment after its connection ended. */
  ended(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.notBefore = Math.max(entry.notBefore, now + FIRST_PAUSE_MS)
  }

  /** Whom to dial: all that a person named, and `count` of the others, drawn from tried and new in turn. */
  next(isBusy: (peer: string) => boolean, count: number, now: number): Candidate[] {
    const free = (standing: Standing) =>
      this.#of(standing).filter(({ peer, notBefore }) => !isBusy(peer) && notBefore <= now)
    const pools = [free('tried'), free('new')]
    const chosen = free('configured')
    for (let turn = 0; count > 0 && pools.some(({ length }) => length > 0); turn++) {
      const pool = pools[turn % 2] as Entry[]
      if (pool.length === 0) continue
      chosen.push(...pool.splice(this.#random(pool.length), 1))
      count--
    }
    return chosen.map(({ peer, addresses }) => ({ peer, addresses: [...addresses] }))
  }

  /** Addresses worth keeping for the next start, and worth telling: of a person's, and of those that answered. */
  good(): string[] {
    return [...this.#of('configured').filter(({ failures }) => failures === 0), ...this.#of('tried')].flatMap(
      ({ addresses }) => addresses,
    )
  }

  get size(): number {
    return this.#entries.size
  }

  #of(standing: Standing): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.standing === standing)
  }

  #add(addresses: readonly string[], standing: 'configured' | 'new', source: string | undefined): void {
    for (const address of addresses) {
      const peer = peerOf(address)
      if (peer === undefined || peer === this.#own) continue
      const known = this.#entries.get(peer)
      if (known !== undefined) {
        // Who spoke of it first may add to it; a stranger may not push out addresses that work.
        if (known.addresses.length < MAX_ADDRESSES_PER_NODE && !known.addresses.includes(address))
          known.addresses.push(address)
        if (standing === 'configured' && this.#of('configured').length < MAX_CONFIGURED_PEERS)
          known.standing = 'configured'
        continue
      }
      if (!this.#makeRoom(standing, source)) continue
      this.#entries.set(peer, { peer, standing, source, addresses: [address], failures: 0, notBefore: 0 })
    }
  }

  #makeRoom(standing: 'configured' | 'new', source: string | undefined): boolean {
    if (standing === 'configured') return this.#of('configured').length < MAX_CONFIGURED_PEERS
    const heard = this.#of('new')
    if (heard.filter((entry) => entry.source === source).length >= MAX_NEW_PER_SOURCE) return false
    if (heard.length < MAX_NEW_PEERS) return true
    const counts = new Map<string | undefined, number>()
    for (const entry of heard) counts.set(entry.source, (counts.get(entry.source) ?? 0) + 1)
    const loudest = [...counts].reduce((one, other) => (other[1] > one[1] ? other : one))[0]
    const victim = heard.find((entry) => entry.source === loudest)
    if (victim !== undefined) this.#entries.delete(victim.peer)
    return true
  }
}

/** The peer ID at the end of a multiaddr; relayed addresses name the other end there. */
export function peerOf(address: string): string | undefined {
  return /^\/[!-~]+\/p2p\/([A-Za-z0-9]+)$/.exec(address)?.[1]
}
