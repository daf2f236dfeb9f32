import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { verifyStateProof } from '../../shared/proof/state-proof.ts'
import { proofCodec, proofRequestCodec } from '../../shared/protocol/messages.ts'
import type { Servers } from './servers.ts'

/** Servers that are asked for one proof before giving up. */
const MAX_TRIES = 5

export type StateAnswer =
  | {
      readonly kind: 'proven'
      /** undefined: proven to be absent. */
      readonly value: Uint8Array | undefined
      /** Length of the proof, bytes. */
      readonly proofBytes: number
      readonly peer: string
    }
  /** Nobody gave a proof that holds; `lies` counts the wrong ones. */
  | { readonly kind: 'unavailable'; readonly lies: number }

export interface StateQueryInit {
  readonly networkId: Uint8Array
  readonly servers: Servers
  /** A wrong proof: the bytes are the evidence. */
  readonly onLie: (peer: string, code: string, evidence: Uint8Array) => void
}

/** What the state under a header says about a key, proven by hashes to the header's own state root. */
export type StateQuery = (node: ChainNode, key: Uint8Array) => Promise<StateAnswer>

/** Asks the serving node first, then the others: a wrong proof, or none, sends the question on to the next. */
export function createStateQuery({ networkId, servers, onLie }: StateQueryInit): StateQuery {
  return async (node, key) => {
    const request = proofRequestCodec.encode({ networkId, headerHash: node.hash, key })
    const root = node.sealed.header.stateRoot
    let lies = 0
    for (const peer of servers.inOrder().slice(0, MAX_TRIES)) {
      const answer = await servers.ask(peer, 'proof', request)
      if (!answer.ok) continue
      const decoded = proofCodec.decode(answer.value)
      if (!decoded.ok) {
        lies++
        onLie(peer, decoded.code, answer.value)
        continue
      }
      // It does not have that header, or no longer its state: no lie.
      const { proof } = decoded.value
      if (proof === undefined) continue
      const state = verifyStateProof({ root, key, proof })
      if (!state.ok) {
        lies++
        onLie(peer, 'wrong-proof', answer.value)
        continue
      }
      return { kind: 'proven', value: state.value.value, proofBytes: answer.value.length, peer }
    }
    return { kind: 'unavailable', lies }
  }
}
