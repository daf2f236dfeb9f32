import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  type RecordType,
} from 'dns-packet'
import { addressBytes } from '../tls/lan-addresses.ts'

/** Time for which others may remember a host's address, seconds (RFC 6762 section 10). */
export const RECORD_TTL_S = 120
/** For askers that are no mDNS machines but ask as in ordinary DNS (section 6.7). */
const LEGACY_TTL_S = 10
/** Looked at in one message; more is left. */
const MAX_ENTRIES = 64
/** "Any type" in a question; the types of dns-packet know only what records can have. */
export const ANY = 'ANY' as RecordType
/** The class IN with the "unicast answer is welcome" bit, as dns-packet spells it. */
const IN_UNICAST = 'UNKNOWN_32769'

export interface AddressRecord {
  readonly type: 'A' | 'AAAA'
  readonly address: string
}

/** What of a message concerns a name. */
export interface NameMessage {
  readonly id: number
  readonly kind: 'query' | 'response'
  /** Asked types; ANY with proposals is a probe. */
  readonly questions: readonly Question[]
  /** Addresses that a response gives the name, or that a query's sender knows already. */
  readonly answers: readonly (AddressRecord & { readonly ttl: number })[]
  /** Addresses that a prober wants for the name. */
  readonly proposals: readonly AddressRecord[]
}

/** Reads a DNS message; undefined when it is none, or does not concern the name. Never throws. */
export function readMessage(bytes: Uint8Array, name: string): NameMessage | undefined {
  let packet: Packet
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  } catch {
    return undefined
  }
  const isName = (other: { name: string }) => other.name.toLowerCase() === name
  const questions = (packet.questions ?? [])
    .slice(0, MAX_ENTRIES)
    .filter((question) => isName(question) && ['A', 'AAAA', 'ANY'].includes(question.type))
    .filter(({ class: klass }) => klass === 'IN' || klass === 'ANY' || (klass as string) === IN_UNICAST)
  const answers = addresses(
    [...(packet.answers ?? []), ...(packet.type === 'response' ? (packet.additionals ?? []) : [])].filter(isName),
  )
  const proposals = addresses((packet.authorities ?? []).filter(isName))
  if (questions.length + answers.length + proposals.length === 0) return undefined
  return { id: packet.id ?? 0, kind: packet.type ?? 'query', questions, answers, proposals }
}

function addresses(list: readonly Answer[]): (AddressRecord & { ttl: number })[] {
  return list.slice(0, MAX_ENTRIES).flatMap((answer) => {
    if (answer.type !== 'A' && answer.type !== 'AAAA') return []
    const { type, data, ttl = 0 } = answer as { type: 'A' | 'AAAA'; data: string; ttl?: number }
    return [{ type, address: data, ttl }]
  })
}

/** Asks whether anybody has the name, and says what for (section 8.1). */
export function encodeProbe(name: string, records: readonly AddressRecord[]): Uint8Array {
  return encode({
    type: 'query',
    questions: [{ name, type: ANY, class: 'IN' }],
    authorities: records.map((record) => answerOf(name, record, RECORD_TTL_S, false)),
  })
}

/** Says the name's addresses; `ttl` 0 takes them back. The NSEC record says that there are no other types. */
export function encodeResponse(name: string, records: readonly AddressRecord[], ttl = RECORD_TTL_S): Uint8Array {
  const rrtypes = [...new Set(records.map(({ type }) => type))]
  return encode({
    type: 'response',
    flags: AUTHORITATIVE_ANSWER,
    answers: records.map((record) => answerOf(name, record, ttl, true)),
    additionals: [{ name, type: 'NSEC', ttl, class: 'IN', flush: true, data: { nextDomain: name, rrtypes } }],
  })
}

/** The same for an asker that knows ordinary DNS only: its ID and question are repeated, nothing is to be flushed. */
export function encodeLegacyResponse(
  id: number,
  question: Question,
  name: string,
  records: readonly AddressRecord[],
): Uint8Array {
  const wanted = records.filter(({ type }) => question.type === ANY || question.type === type)
  return encode({
    id,
    type: 'response',
    flags: AUTHORITATIVE_ANSWER,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    answers: wanted.map((record) => answerOf(name, record, LEGACY_TTL_S, false)),
  })
}

function answerOf(name: string, { type, address }: AddressRecord, ttl: number, flush: boolean): Answer {
  return { name, type, ttl, class: 'IN', flush, data: address }
}

/** One text for each spelling of an address. */
export function recordKey({ type, address }: AddressRecord): string {
  return `${type} ${Buffer.from(addressBytes(address) ?? []).toString('hex')}`
}

/**
 * Who wins when two probe for one name at once (section 8.2): the lists in order, compared by type, then by bytes; the
 * later one wins. Types compare as numbers: A is 1, AAAA is 28.
 */
export function compareProposals(ours: readonly AddressRecord[], theirs: readonly AddressRecord[]): number {
  const [a, b] = [ours.map(recordKey).sort(), theirs.map(recordKey).sort()]
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [one, other] = [a[index], b[index]]
    if (one === other) continue
    if (one === undefined) return -1
    if (other === undefined) return 1
    // "A 0a…" sorts before "AAAA 20…": a blank is less than a letter.
    return one < other ? -1 : 1
  }
  return 0
}
