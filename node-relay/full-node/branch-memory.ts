import type { ChainNode } from '../../shared/chain/chain-node.ts'

/** Branches told apart; the one that grew longest ago is forgotten. */
export const MAX_REMEMBERED_BRANCHES = 64

/** Tells a branch that goes on from one that is new, so that a person hears of each once. */
export function createBranchMemory(): { continues(node: Pick<ChainNode, 'id' | 'parentId'>): boolean } {
  const tips = new Set<string>()
  return {
    continues({ id, parentId }) {
      const isKnown = tips.delete(parentId) || tips.has(id)
      tips.add(id)
      if (tips.size > MAX_REMEMBERED_BRANCHES) tips.delete(tips.values().next().value as string)
      return isKnown
    },
  }
}
