import {
  type AddressRecord,
  compareProposals,
  encodeLegacyResponse,
  encodeProbe,
  encodeResponse,
  type NameMessage,
  RECORD_TTL_S,
  readMessage,
  recordKey,
} from './records.ts'

/** RFC 6762 sections 8.1 to 8.3. */
export const PROBE_INTERVAL_MS = 250
const PROBES = 3
const DEFER_MS = 1_000
const ANNOUNCEMENTS = 2
const ANNOUNCE_INTERVAL_MS = 1_000
/** The same records are not sent to all more often (section 6). */
const MIN_MULTICAST_GAP_MS = 1_000
/** Names tried, `lares-2` … before giving up: somebody on this network answers to everything. */
export const MAX_NAMES = 20
/** Restarts of probing for one name because others probe too. */
const MAX_DEFERS = 10

/** One network interface with its addresses. */
export interface Link {
  readonly records: readonly AddressRecord[]
  /** To all on the link. */
  send(message: Uint8Array): void
}

export interface ResponderInit {
  /** Wanted name, without `.local`. */
  readonly name: string
  readonly links: readonly Link[]
  now(): number
  /** Calls a task once after a delay; returns a canceller. */
  after(delayMs: number, task: () => void): () => void
  /** 0 to 1. */
  random(): number
  /** The name is ours (again, or another after a conflict); undefined: none could be had. */
  onName(name: string | undefined): void
}

export interface Responder {
  /** `lares.local`; undefined while none is ours. */
  readonly name: string | undefined
  /** A message from a link. `reply` answers its sender alone; given when the sender is no full mDNS machine. */
  receive(link: Link, message: Uint8Array, reply: ((message: Uint8Array) => void) | undefined): void
  /** Takes the name back. */
  stop(): void
}

/**
 * Multicast DNS responder for one host name (RFC 6762): probes, announces, answers A and AAAA, and gives way to who has
 * the name already by trying the next one. Sans I/O: sockets, clock and chance come from outside.
 */
export function createResponder(init: ResponderInit): Responder {
  const { links, now, after, onName } = init
  const ours = new Set(links.flatMap(({ records }) => records.map(recordKey)))
  const lastMulticast = new Map<Link, number>()
  let attempt = 1
  let defers = 0
  let state: 'probing' | 'established' | 'stopped' = 'probing'
  let candidate = ''
  let cancel = () => {}

  function wait(delayMs: number, task: () => void): void {
    cancel()
    cancel = after(delayMs, task)
  }

  function probe(): void {
    state = 'probing'
    candidate = `${init.name}${attempt === 1 ? '' : `-${attempt}`}.local`
    let sent = 0
    const step = () => {
      if (sent === PROBES) {
        establish()
        return
      }
      for (const link of links) link.send(encodeProbe(candidate, link.records))
      sent++
      wait(PROBE_INTERVAL_MS, step)
    }
    // Many machines start together after a power cut.
    wait(init.random() * PROBE_INTERVAL_MS, step)
  }

  function establish(): void {
    state = 'established'
    defers = 0
    let left = ANNOUNCEMENTS
    const announce = () => {
      for (const link of links) multicast(link)
      if (--left > 0) wait(ANNOUNCE_INTERVAL_MS, announce)
    }
    announce()
    onName(candidate)
  }

  function multicast(link: Link): void {
    lastMulticast.set(link, now())
    link.send(encodeResponse(candidate, link.records))
  }

  function nextName(): void {
    attempt++
    defers = 0
    if (attempt <= MAX_NAMES) {
      probe()
      return
    }
    state = 'stopped'
    cancel()
    onName(undefined)
  }

  function isForeign(record: AddressRecord): boolean {
    return !ours.has(recordKey(record))
  }

  function receiveResponse(message: NameMessage): void {
    const conflict = message.answers.some((answer) => answer.ttl > 0 && isForeign(answer))
    if (!conflict) return
    if (state === 'probing') nextName()
    // Somebody else answers to our name: see again who has it (section 9).
    else probe()
  }

  function receiveQuery(link: Link, message: NameMessage, reply: ((message: Uint8Array) => void) | undefined): void {
    if (state === 'probing') {
      const foreign = message.proposals.some(isForeign)
      if (!foreign || compareProposals(link.records, message.proposals) >= 0) return
      // The other goes first; when we ask again, it has the name and says so.
      if (++defers > MAX_DEFERS) nextName()
      else wait(DEFER_MS, probe)
      return
    }
    const [question] = message.questions
    if (question === undefined) return
    if (reply !== undefined) {
      reply(encodeLegacyResponse(message.id, question, candidate, link.records))
      return
    }
    const known = new Set(message.answers.filter(({ ttl }) => ttl >= RECORD_TTL_S / 2).map(recordKey))
    if (link.records.every((record) => known.has(recordKey(record)))) return
    // A prober must hear of us at once; for others, all have heard just now.
    const isProbe = message.proposals.length > 0
    if (!isProbe && now() - (lastMulticast.get(link) ?? Number.NEGATIVE_INFINITY) < MIN_MULTICAST_GAP_MS) return
    multicast(link)
  }

  probe()
  return {
    get name() {
      return state === 'established' ? candidate : undefined
    },
    receive(link, bytes, reply) {
      if (state === 'stopped') return
      const message = readMessage(bytes, candidate)
      if (message === undefined) return
      if (message.kind === 'response') receiveResponse(message)
      else receiveQuery(link, message, reply)
    },
    stop() {
      if (state === 'established') for (const link of links) link.send(encodeResponse(candidate, link.records, 0))
      state = 'stopped'
      cancel()
    },
  }
}
