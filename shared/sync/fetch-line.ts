import type { ChainNode } from '../chain/chain-node.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'

/** Headers whose rules hold and whose signatures are not verified yet. */
export interface Batch {
  readonly peer: string
  readonly source: Source
  /** At least one, each with the number of its signatures. */
  readonly nodes: readonly { readonly node: ChainNode; readonly signatures: number }[]
  readonly signatures: readonly SignatureCheck[]
  /** The answer was full and good throughout: the peer has more. */
  readonly isFull: boolean
}

/** Where headers came from: an answer that was asked for, gossip that waits for a verdict, or the held ones. */
export type Source = 'fetch' | 'held' | { readonly gossipId: number }

/**
 * Fetched headers on their way into the graph, answer by answer in their order. While the signatures of one are verified,
 * the next is fetched and its rules are checked: one answer ahead, never more.
 */
export class FetchLine {
  #verifying: Batch | undefined
  #ahead: Batch | undefined
  /** Until an answer ahead brought nothing: then it is asked again after what is under way. */
  #looksAhead = true

  /** The newest header under verification. */
  get head(): ChainNode | undefined {
    return this.#verifying?.nodes.at(-1)?.node
  }

  /** Whom to ask for what follows {@link head}: who gave it, where it has more and there is room. */
  get giver(): string | undefined {
    const { isFull, peer } = this.#verifying ?? {}
    return isFull === true && this.#looksAhead && this.#ahead === undefined ? peer : undefined
  }

  /** @returns whether its signatures are to be verified now; else when its turn comes */
  push(batch: Batch): boolean {
    if (this.#verifying !== undefined) {
      this.#ahead = batch
      return false
    }
    this.#verifying = batch
    this.#looksAhead = true
    return true
  }

  /** An answer ahead brought nothing. */
  stopLookingAhead(): void {
    this.#looksAhead = false
  }

  /**
   * What was under verification is through.
   * @returns the batch to {@link push} next; none when it was bad, since on headers that do not count nothing else does
   */
  pop(isGood: boolean): Batch | undefined {
    const ahead = this.#ahead
    this.#verifying = undefined
    this.#ahead = undefined
    return isGood ? ahead : undefined
  }
}
