import { toHex } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { accept, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { COORDINATION_SET_KEY, EPOCH_KEY, POLICY_KEY } from '../../shared/ledger/state-keys.ts'
import type { StateReader } from '../../shared/ledger/state-overlay.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { StateQuery } from '../../shared/sync/state-query.ts'

/** All proofs for one answer must be there within this time, ms: who asked waits ten seconds. */
export const PROOFS_MS = 6_000
/** Keys that one answer may stand on: an application reads six. */
export const MAX_PROVEN_KEYS = 16
/** Values remembered of one settled header; more are asked for again. */
export const MAX_REMEMBERED_VALUES = 512
/** Answers in the making at once; more are told to come again. */
export const MAX_JUDGED_AT_ONCE = 8

/** What every registration reads. */
const COMMON_KEYS = [COORDINATION_SET_KEY, POLICY_KEY, EPOCH_KEY]

/** Thrown by a reader at a key that nobody has proven yet. */
class NotProven extends Error {
  readonly key: Uint8Array

  constructor(key: Uint8Array) {
    super('not proven yet')
    this.key = key
  }
}

export interface ProvenState {
  /** The value under a key of the settled state; undefined: proven to be absent. `view-unavailable`: nobody can say. */
  read(key: Uint8Array): Promise<Result<Uint8Array | undefined>>
  /**
   * Lets a rule of the ledger judge by the settled state: whatever it reads is fetched with its proof, and the rule starts
   * anew. It must have read all before it does anything.
   */
  judge<Value>(rule: (state: StateReader) => Promise<Result<Value>>): Promise<Result<Value>>
}

export interface ProvenStateInit {
  readonly query: StateQuery
  readonly clock: TransportClock
  settled(): ChainNode
  /** Why nothing can be said now. */
  obstacle(): Rejection | undefined
}

/** The state as far as it was asked for, each value proven under the settled header. */
export function createProvenState({ query, clock, settled, obstacle }: ProvenStateInit): ProvenState {
  let known: { readonly id: string; readonly values: Map<string, Uint8Array | undefined> } = {
    id: '',
    values: new Map(),
  }
  let underWay = 0

  function valuesOf(node: ChainNode): Map<string, Uint8Array | undefined> {
    if (known.id !== node.id) known = { id: node.id, values: new Map() }
    return known.values
  }

  async function prove(node: ChainNode, key: Uint8Array, patienceMs: number): Promise<Result<Uint8Array | undefined>> {
    const values = valuesOf(node)
    const name = toHex(key)
    if (values.has(name)) return accept(values.get(name))
    const answer = await query(node, key, patienceMs)
    if (answer.kind !== 'proven')
      return reject('view-unavailable', 'no full node could prove what this depends on; try again later')
    if (values.size < MAX_REMEMBERED_VALUES) values.set(name, answer.value)
    return accept(answer.value)
  }

  async function judge<Value>(rule: (state: StateReader) => Promise<Result<Value>>): Promise<Result<Value>> {
    const node = settled()
    const until = clock.now() + PROOFS_MS
    const proven = new Map<string, Uint8Array | undefined>()
    const fetch = async (key: Uint8Array) => {
      const answer = await prove(node, key, Math.max(0, until - clock.now()))
      if (answer.ok) proven.set(toHex(key), answer.value)
      return answer
    }
    const reader: StateReader = {
      get(key) {
        const name = toHex(key)
        if (!proven.has(name)) throw new NotProven(key)
        return proven.get(name)
      },
    }
    for (const answer of await Promise.all(COMMON_KEYS.map(fetch))) if (!answer.ok) return answer
    while (proven.size <= MAX_PROVEN_KEYS) {
      try {
        return await rule(reader)
      } catch (error) {
        if (!(error instanceof NotProven)) throw error
        const answer = await fetch(error.key)
        if (!answer.ok) return answer
      }
    }
    return reject('view-unavailable', `this depends on more than ${MAX_PROVEN_KEYS} records`)
  }

  return {
    async read(key) {
      return obstacle() ?? (await prove(settled(), key, PROOFS_MS))
    },
    async judge(rule) {
      const refused = obstacle()
      if (refused !== undefined) return refused
      if (underWay >= MAX_JUDGED_AT_ONCE)
        return reject('view-busy', 'this node judges as many applications as it can; try again in a moment')
      underWay++
      try {
        return await judge(rule)
      } finally {
        underWay--
      }
    },
  }
}
