import { afterEach, describe, expect, it } from 'vitest'
import { createTabs, type TabLocks, type TabRole, type Tabs } from '../../../web/page/tabs.ts'
import type { CallNode } from '../../../web/page/ui-calls.ts'
import type { AppView } from '../../../web/worker/api.ts'

/** Web Locks as the browser keeps them: one holder, the rest in a queue; `leave` is the tab being closed. */
function createLocks(): { forTab(): TabLocks & { leave(): void } } {
  const queue: { tab: object; task: (lock: unknown) => Promise<void> }[] = []
  let holder: object | undefined
  const grant = () => {
    const next = queue.shift()
    if (holder !== undefined || next === undefined) return
    holder = next.tab
    void next.task({})
  }
  return {
    forTab() {
      const tab = {}
      return {
        async request(_name, { ifAvailable = false }, task) {
          if (ifAvailable && holder !== undefined) return task(null)
          queue.push({ tab, task })
          if (holder === undefined) grant()
          return new Promise(() => {})
        },
        leave() {
          if (holder === tab) holder = undefined
          grant()
        },
      }
    },
  }
}

interface Tab {
  readonly tabs: Tabs
  readonly roles: TabRole[]
  readonly views: string[]
  readonly calls: string[]
  show(name: string): void
  close(): void
  until(condition: () => boolean): Promise<void>
}

const channels: BroadcastChannel[] = []
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close()
})

let runs = 0
function createBrowser(): { open(tabId: string): Tab } {
  runs += 1
  const name = `lares-test-${runs}`
  const locks = createLocks()
  return {
    open(tabId) {
      const own = locks.forTab()
      const channel = new BroadcastChannel(name)
      channels.push(channel)
      const roles: TabRole[] = []
      const views: string[] = []
      const calls: string[] = []
      const watchers = new Set<() => void>()
      const changed = () => {
        for (const watcher of watchers) watcher()
      }
      let emit = (_view: AppView) => {}
      const view = (codeOrigin: string): AppView => ({
        obstacle: undefined,
        networks: [],
        active: undefined,
        codeFromAuditedRelay: false,
        codeOrigin,
        storage: { problem: undefined, isPersisted: undefined, keepsake: undefined },
      })
      const call = (async (body: { call: string; hint?: string; text?: string }) => {
        calls.push(body.hint ?? body.text ?? body.call)
        changed()
        return { answeredBy: tabId }
      }) as unknown as CallNode
      const tabs = createTabs({
        name,
        tabId,
        locks: own,
        channel,
        lead: async (onView) => {
          emit = onView
          onView(view(`${tabId} opens`))
          return { call }
        },
        onRole: (role) => {
          roles.push(role)
          changed()
        },
        onView: ({ codeOrigin }) => {
          views.push(codeOrigin)
          changed()
        },
      })
      return {
        tabs,
        roles,
        views,
        calls,
        show: (text) => emit(view(text)),
        close() {
          tabs.leave()
          channel.close()
          own.leave()
        },
        until(condition) {
          return new Promise((resolve) => {
            const watcher = () => {
              if (!condition()) return
              watchers.delete(watcher)
              resolve()
            }
            watchers.add(watcher)
            watcher()
          })
        },
      }
    },
  }
}

describe('tabs', () => {
  it('makes the first tab the node and attaches the second', async () => {
    const browser = createBrowser()
    const first = browser.open('one')
    await first.until(() => first.views.length > 0)
    const second = browser.open('two')
    await second.until(() => second.views.length > 0)
    expect(first.roles).toEqual(['node'])
    expect(second.roles.at(-1)).toBe('attached')
    expect(second.views[0]).toBe('one opens')
    first.show('a new block')
    await second.until(() => second.views.includes('a new block'))
  })

  it("answers the second tab's questions in the first", async () => {
    const browser = createBrowser()
    const first = browser.open('one')
    const second = browser.open('two')
    const report = await second.tabs.call({ call: 'audit', text: 'LARES1' })
    expect(report.answeredBy).toBe('one')
    expect(first.calls).toEqual(['LARES1'])
  })

  it('lets the second take over when the first closes, and a third follow it', async () => {
    const browser = createBrowser()
    const first = browser.open('one')
    const second = browser.open('two')
    const third = browser.open('three')
    await third.until(() => third.views.length > 0)
    first.close()
    await third.until(() => third.views.includes('two opens'))
    expect(second.roles.at(-1)).toBe('node')
    expect((await third.tabs.call({ call: 'audit', text: 'X' })).answeredBy).toBe('two')
    expect((await second.tabs.call({ call: 'audit', text: 'Y' })).answeredBy).toBe('two')
  })

  it('is in view as long as any tab is', async () => {
    const browser = createBrowser()
    const first = browser.open('one')
    await first.until(() => first.views.length > 0)
    const second = browser.open('two')
    await second.until(() => second.views.length > 0)
    first.tabs.setVisible(true)
    second.tabs.setVisible(true)
    // The reply shows that what the second tab said before has arrived.
    await second.tabs.call({ call: 'audit', text: 'barrier' })
    first.tabs.setVisible(false)
    expect(first.calls).toEqual(['visible', 'barrier'])
    second.tabs.setVisible(false)
    await first.until(() => first.calls.includes('hidden'))
    expect(first.calls).toEqual(['visible', 'barrier', 'hidden'])
  })

  it('forgets the visibility of a tab that closes', async () => {
    const browser = createBrowser()
    const first = browser.open('one')
    const second = browser.open('two')
    await second.until(() => second.views.length > 0)
    second.tabs.setVisible(true)
    await first.until(() => first.calls.includes('visible'))
    second.close()
    await first.until(() => first.calls.includes('hidden'))
  })
})
