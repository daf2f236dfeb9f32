/** The node is in view when any of its tabs is: several tabs, one hint. */
export interface Visibility {
  set(tab: string, visible: boolean): void
  drop(tab: string): void
}

export function createVisibility(tell: (hint: 'visible' | 'hidden') => void): Visibility {
  const visible = new Set<string>()
  let told: boolean | undefined

  function update(): void {
    const now = visible.size > 0
    if (now === told) return
    told = now
    tell(now ? 'visible' : 'hidden')
  }

  return {
    set(tab, isVisible) {
      if (isVisible) visible.add(tab)
      else visible.delete(tab)
      update()
    },
    drop(tab) {
      visible.delete(tab)
      update()
    },
  }
}

/** Calls back with each change that the worker should hear of. */
export function watchPage(onVisible: (visible: boolean) => void, onLine: (hint: 'online' | 'offline') => void): void {
  const report = () => onVisible(document.visibilityState === 'visible')
  document.addEventListener('visibilitychange', report)
  window.addEventListener('online', () => onLine('online'))
  window.addEventListener('offline', () => onLine('offline'))
  report()
}
