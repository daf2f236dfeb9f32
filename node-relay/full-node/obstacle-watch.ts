import type { ChainStore } from '../store/chain-store.ts'
import type { FullChain } from './chain.ts'

/**
 * Looks for what keeps a relay from sealing, and says so once: when it comes, when it is another, and when it has gone. So it
 * does when a record was found damaged, which may keep it from serving one thing only.
 */
export interface ObstacleWatch {
  /** Tries to make a disk that failed usable again, and reports what has changed since the last look. */
  look(): Promise<void>
}

export function createObstacleWatch(init: {
  readonly store: Pick<ChainStore, 'heal' | 'damage'>
  readonly chain: Pick<FullChain, 'obstacle'>
  report(code: string, sentence: string): void
}): ObstacleWatch {
  let known: string | undefined
  let isDamageTold = false
  return {
    async look() {
      await init.store.heal()
      const { damage } = init.store
      if (damage !== undefined && !isDamageTold) init.report(damage.code, damage.message)
      isDamageTold = damage !== undefined
      const { obstacle } = init.chain
      if (obstacle?.code === known) return
      known = obstacle?.code
      if (obstacle !== undefined) init.report(obstacle.code, obstacle.sentence)
      else init.report('obstacle-gone', 'What kept this relay from mining is gone: it goes on.')
    },
  }
}
