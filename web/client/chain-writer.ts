import type { Settled } from '../../shared/chain/settled.ts'
import { LaresError } from '../../shared/errors.ts'
import type { ChainWrite, LocalStore } from '../store/local-store.ts'
import type { HeaderLog } from './header-log.ts'

/**
 * - `no-room`: the browser's storage is full, nothing more of the chain is stored; `failed`: it refuses otherwise
 * - `trimmed`: it was full, and old headers made room; `stored-again`: what could not be stored now is
 */
export type WriteNews = 'no-room' | 'failed' | 'trimmed' | 'stored-again'

export interface ChainWriterInit {
  readonly networkId: string
  readonly store: LocalStore
  readonly log: HeaderLog
  readonly settled: () => Settled
  readonly onNews: (news: WriteNews) => void
}

/**
 * Brings the changes of a log to the store, one after the other. When one fails, the chain goes on in memory and the next
 * change brings everything. When there is no room, old headers go first, those of other networks too: identities, wallets
 * and restart points are small, and stay.
 */
export class ChainWriter {
  readonly #init: ChainWriterInit
  #queue: Promise<void> = Promise.resolve()
  #isBehind = false
  #hasFailed = false

  constructor(init: ChainWriterInit) {
    this.#init = init
  }

  write(change: ChainWrite): void {
    const whole = this.#withSettled(change)
    this.#queue = this.#queue.then(() => this.#store(whole))
  }

  /** The store has not what it should have: everything is written anew. */
  writeAll(): void {
    this.#isBehind = true
    this.write(this.#init.log.rewrite())
  }

  /** Resolves when all that was decided so far is stored, or has failed. */
  async flushed(): Promise<void> {
    await this.#queue
  }

  async #store(change: ChainWrite): Promise<void> {
    const { store, log, onNews } = this.#init
    try {
      await this.#put(change)
    } catch (error) {
      this.#isBehind = true
      if (!isFull(error)) return this.#failed('failed')
      log.trim()
      try {
        await store.dropChunks()
        await this.#put(change)
      } catch {
        return this.#failed('no-room')
      }
      onNews('trimmed')
    }
    if (this.#hasFailed) onNews('stored-again')
    this.#hasFailed = false
  }

  async #put(change: ChainWrite): Promise<void> {
    const { store, networkId, log } = this.#init
    if (!this.#isBehind) return store.writeChain(networkId, change)
    const known = new Set(log.firsts)
    const remove = ((await store.readChain(networkId))?.firsts ?? []).filter((first) => !known.has(first))
    await store.writeChain(networkId, this.#withSettled({ ...log.rewrite(), remove }))
    this.#isBehind = false
  }

  #withSettled({ restart, put, remove }: ChainWrite): ChainWrite {
    const { node, keepersSeen, keepers } = this.#init.settled()
    return { restart: { ...restart, settled: { height: node.height, keepersSeen, keepers } }, put, remove }
  }

  #failed(news: 'no-room' | 'failed'): void {
    this.#hasFailed = true
    this.#init.onNews(news)
  }
}

function isFull(error: unknown): boolean {
  return error instanceof LaresError && error.code === 'storage-full'
}
