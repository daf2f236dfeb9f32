import type { ChainNode } from '../chain/chain-node.ts'
import { verifyStateProof } from '../proof/state-proof.ts'
import { proofCodec, proofRequestCodec } from '../protocol/messages.ts'
import type { TransportClock } from '../protocol/transport.ts'
import type { Asking } from './asking.ts'

/** Servers that are asked for one proof before giving up. */
const MAX_TRIES = 5
/** A question that has no answer after this is put to the next server too, ms: many round trips in a home. */
const HEDGE_MS = 300

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
  readonly servers: Pick<Asking, 'ask' | 'inOrder' | 'late'>
  readonly clock: TransportClock
  /** A wrong proof: the bytes are the evidence. */
  readonly onLie: (peer: string, code: string, evidence: Uint8Array) => void
}

/** What the state under a header says about a key, proven by hashes to the header's own state root. */
export type StateQuery = (
  node: ChainNode,
  key: Uint8Array,
  /** No proof after this is as good as none, ms; default: when everybody has answered, or has failed to. */
  patienceMs?: number,
) => Promise<StateAnswer>

type Said = Extract<StateAnswer, { kind: 'proven' }> | 'wrong' | 'nothing'

/**
 * Asks the first server, then the others: a wrong proof, or none, sends the question on to the next. So does silence of
 * {@link HEDGE_MS}, but the first may still answer (Dean and Barroso, "The Tail at Scale", 2013: hedged requests); the first
 * proof that holds counts.
 */
export function createStateQuery({ networkId, servers, clock, onLie }: StateQueryInit): StateQuery {
  async function askOne(peer: string, node: ChainNode, key: Uint8Array): Promise<Said> {
    const request = proofRequestCodec.encode({ networkId, headerHash: node.hash, key })
    const answer = await servers.ask(peer, 'proof', request)
    if (!answer.ok) return 'nothing'
    const decoded = proofCodec.decode(answer.value)
    if (!decoded.ok) {
      onLie(peer, decoded.code, answer.value)
      return 'wrong'
    }
    // It does not have that header, or no longer its state: no lie.
    const { proof } = decoded.value
    if (proof === undefined) return 'nothing'
    const state = verifyStateProof({ root: node.sealed.header.stateRoot, key, proof })
    if (!state.ok) {
      onLie(peer, 'wrong-proof', answer.value)
      return 'wrong'
    }
    return { kind: 'proven', value: state.value.value, proofBytes: answer.value.length, peer }
  }

  return (node, key, patienceMs) =>
    new Promise((resolve) => {
      const asked = new Set<string>()
      let underWay = 0
      let lies = 0
      let isDone = false
      let cancel = () => {}
      let giveUp = () => {}
      if (patienceMs !== undefined) giveUp = clock.after(patienceMs, () => end({ kind: 'unavailable', lies }))

      function end(answer: StateAnswer): void {
        isDone = true
        cancel()
        giveUp()
        resolve(answer)
      }

      function askNext(): void {
        cancel()
        const peer = asked.size < MAX_TRIES ? servers.inOrder().find((one) => !asked.has(one)) : undefined
        if (peer === undefined) {
          if (underWay === 0) end({ kind: 'unavailable', lies })
          return
        }
        asked.add(peer)
        underWay++
        cancel = clock.after(HEDGE_MS, () => {
          servers.late(peer)
          askNext()
        })
        void askOne(peer, node, key).then((said) => {
          underWay--
          if (isDone) return
          if (said === 'wrong') lies++
          if (typeof said === 'object') end(said)
          else askNext()
        })
      }
      askNext()
    })
}
