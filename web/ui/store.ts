import { useEffect, useState } from 'preact/hooks'
import type { LocalNeed } from '../page/local-access.ts'
import type { TabRole } from '../page/tabs.ts'
import type { CallNode } from '../page/ui-calls.ts'
import type { AppView, Failure } from '../worker/api.ts'

/** Everything the views show that is not their own passing state. */
export interface PageState {
  /** Undefined until the worker has spoken. */
  readonly view: AppView | undefined
  /** What the page itself found missing; the worker's own stands in the view. */
  readonly obstacle: Failure | undefined
  readonly role: TabRole
  /** A newer version of the page waits to be accepted. */
  readonly updateReady: boolean
  readonly localNeed: LocalNeed | undefined
  /** A voucher that came with the page's address. */
  readonly voucher: string | undefined
  /** A join link that came with the page's address could not be used. */
  readonly arrivalFailure: Failure | undefined
}

export const FIRST_STATE: PageState = {
  view: undefined,
  obstacle: undefined,
  role: 'node',
  updateReady: false,
  localNeed: undefined,
  voucher: undefined,
  arrivalFailure: undefined,
}

/** What the views can do. */
export interface PageActions {
  readonly call: CallNode
  readonly askLocalNetwork: () => Promise<void>
  readonly acceptUpdate: () => void
  /** A voucher that came with a link, for the join view; undefined once it is used. */
  readonly setVoucher: (voucher: string | undefined) => void
}

export interface Store {
  get(): PageState
  set(change: Partial<PageState>): void
  subscribe(listener: () => void): () => void
}

export function createStore(state: PageState = FIRST_STATE): Store {
  const listeners = new Set<() => void>()
  let current = state
  return {
    get: () => current,
    set(change) {
      current = { ...current, ...change }
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function useStore(store: Store): PageState {
  const [state, setState] = useState(store.get)
  useEffect(() => {
    const update = () => setState(store.get())
    update()
    return store.subscribe(update)
  }, [store])
  return state
}

/** The time, anew each second, for ages on screen. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
