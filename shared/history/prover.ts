import { LaresError } from '../errors.ts'
import { bagPeaks } from './mountain-range.ts'
import { type HistoryNode, type HistoryPosition, type HistoryProof, peakPositions } from './node.ts'

export interface HistoryProverInit {
  /** The nodes that appending created, by place. */
  readonly getNode: (level: number, index: number) => HistoryNode | undefined
  /** Headers under the root to prove against: the height of the header that carries it. Any that was, or is, reached. */
  readonly count: number
}

export interface HistoryProver {
  /**
   * Proof that header `index` (its height) is under the root.
   * @throws {LaresError} `history-index-invalid`, or `history-node-missing` when a node is not there
   */
  prove(index: number): HistoryProof
}

/** Makes membership proofs. A complete mountain never changes, so one store serves every earlier root as well. */
export function createHistoryProver({ getNode, count }: HistoryProverInit): HistoryProver {
  function nodeAt({ level, index }: HistoryPosition): HistoryNode {
    const node = getNode(level, index)
    if (node === undefined) throw new LaresError('history-node-missing', `history node ${index} of level ${level}`)
    return node
  }

  return {
    prove(leafIndex) {
      if (!Number.isInteger(leafIndex) || leafIndex < 0 || leafIndex >= count)
        throw new LaresError('history-index-invalid', `header ${leafIndex} of ${count}`)
      const peaks = peakPositions(count)
      const own = peaks.findIndex(({ level, index }) => leafIndex < (index + 1) * 2 ** level)

      // Up within the own mountain,
      const siblings: HistoryNode[] = []
      let index = leafIndex
      for (let level = 0; level < (peaks[own] as HistoryPosition).level; level++) {
        siblings.push(nodeAt({ level, index: index % 2 === 0 ? index + 1 : index - 1 }))
        index = Math.floor(index / 2)
      }
      // then everything right of it as one, then the mountains left of it, nearest first.
      const right = bagPeaks(peaks.slice(own + 1).map(nodeAt))
      if (right !== undefined) siblings.push(right)
      siblings.push(...peaks.slice(0, own).reverse().map(nodeAt))
      return { siblings }
    },
  }
}
