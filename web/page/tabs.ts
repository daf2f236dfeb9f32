/**
 * One tab is the node, the others attach. The tab that holds the lock runs worker and network; the others send a
 * person's calls to it over a BroadcastChannel and show its view. When it closes, the browser gives the lock to the next.
 */
import { LaresError } from '../../shared/errors.ts'
import type { AppView, ViewChanged } from '../worker/api.ts'
import { type Bridge, type BridgePort, createBridge } from '../worker/bridge.ts'
import { type CallNode, forwardUiCalls, type UiCall, type UiReplies } from './ui-calls.ts'
import { createVisibility } from './visibility.ts'

/** `node`: this tab runs it. `attached`: another does. */
export type TabRole = 'node' | 'attached'

/** Tabs that one node serves; the one that attached first is dropped when there are more. */
export const MAX_TABS = 16
/** How long a call waits for a node to appear, milliseconds. */
const ATTACH_TIMEOUT_MS = 20_000

/** What the node of this tab offers, once it is up. */
export interface LocalNode {
  readonly call: CallNode
}

export type TabChannel = Pick<BroadcastChannel, 'postMessage' | 'addEventListener' | 'removeEventListener'>

/** The part of Web Locks that is used (https://www.w3.org/TR/web-locks/). */
export interface TabLocks {
  request(
    name: string,
    options: { readonly ifAvailable?: boolean },
    task: (lock: unknown) => Promise<void>,
  ): Promise<unknown>
}

export interface TabsInit {
  /** Of lock and channel; tabs of one address share it. */
  readonly name: string
  /** Unique among the tabs. */
  readonly tabId: string
  readonly locks: TabLocks
  readonly channel: TabChannel
  /** Starts worker and network in this tab. Called at most once; `onView` gets its views from then on. */
  readonly lead: (onView: (view: AppView) => void) => Promise<LocalNode>
  readonly onRole: (role: TabRole) => void
  readonly onView: (view: AppView) => void
}

export interface Tabs {
  readonly call: CallNode
  /** This tab came into view, or left it. */
  setVisible(visible: boolean): void
  /** This tab is being closed. */
  leave(): void
}

const NODE = 'node'
const EVERYONE = 'all'

interface Packet {
  readonly to: string
  readonly from: string
  readonly notice?: 'hello' | 'bye' | 'node-here'
  readonly message?: unknown
}

type TabBridge = Bridge<never, Record<never, never>, ViewChanged>
type NodeBridge = Bridge<UiCall, UiReplies, never>

export function createTabs(init: TabsInit): Tabs {
  const { name, tabId, locks, channel, lead, onRole, onView } = init
  const tabs = new Map<string, TabBridge>()
  let local: LocalNode | undefined
  let leading = false
  let toNode: NodeBridge | undefined
  const attached = deferred()
  let lastView: AppView | undefined
  let visible: boolean | undefined
  const visibility = createVisibility((hint) => void local?.call({ call: 'hint', hint }).catch(() => undefined))

  function post(packet: Omit<Packet, 'from'>): void {
    channel.postMessage({ ...packet, from: leading ? NODE : tabId })
  }

  const call: CallNode = async (body) => {
    if (local !== undefined) return local.call(body)
    await within(attached.promise, ATTACH_TIMEOUT_MS)
    // Either may have changed while waiting: this tab has taken over, or attached.
    const node: LocalNode | NodeBridge | undefined = local ?? toNode
    if (node === undefined) throw new LaresError('bridge-closed', 'no tab runs the node')
    return node.call(body)
  }

  // ------------------------------------------------------------------------------------- this tab is the node

  async function takeOver(): Promise<void> {
    leading = true
    toNode?.close('this tab takes over')
    toNode = undefined
    onRole('node')
    local = await lead((view) => {
      lastView = view
      onView(view)
      for (const tab of tabs.values()) tab.emit({ event: 'view', view })
    })
    attached.resolve()
    if (visible !== undefined) visibility.set(tabId, visible)
    post({ to: EVERYONE, notice: 'node-here' })
    // The lock is held for as long as this never ends: until the tab closes.
    await new Promise<never>(() => {})
  }

  function admit(tab: string): void {
    const oldest = tabs.keys().next().value
    if (tabs.size >= MAX_TABS && !tabs.has(tab) && oldest !== undefined) drop(oldest)
    tabs.get(tab)?.close()
    const handlers = forwardUiCalls((body) => (local as LocalNode).call(body))
    const bridge: TabBridge = createBridge<never, Record<never, never>, UiCall, UiReplies, ViewChanged>({
      port: createChannelPort(channel, NODE, tab),
      handlers: {
        ...handlers,
        hint: (body) => {
          if (body.hint === 'visible' || body.hint === 'hidden') visibility.set(tab, body.hint === 'visible')
          return null
        },
      },
    })
    tabs.set(tab, bridge)
    if (lastView !== undefined) bridge.emit({ event: 'view', view: lastView })
  }

  function drop(tab: string): void {
    tabs.get(tab)?.close()
    tabs.delete(tab)
    visibility.drop(tab)
  }

  // ------------------------------------------------------------------------------- another tab is the node

  function attach(): void {
    toNode?.close('another tab has taken over')
    onRole('attached')
    toNode = createBridge<UiCall, UiReplies, never, Record<never, never>, never, ViewChanged>({
      port: createChannelPort(channel, tabId, NODE),
      handlers: {},
      onEvent: ({ view }) => {
        onView(view)
        attached.resolve()
      },
    })
    post({ to: NODE, notice: 'hello' })
    if (visible !== undefined) tellVisible(visible)
  }

  function tellVisible(now: boolean): void {
    if (local !== undefined) visibility.set(tabId, now)
    else void toNode?.call({ call: 'hint', hint: now ? 'visible' : 'hidden' }).catch(() => undefined)
  }

  channel.addEventListener('message', (event: MessageEvent) => {
    const { to, from, notice } = event.data as Packet
    if (leading) {
      if (local === undefined || to !== NODE) return
      if (notice === 'hello') admit(from)
      if (notice === 'bye') drop(from)
    } else if (to === EVERYONE && notice === 'node-here') attach()
  })

  async function beNodeWhenFree(): Promise<void> {
    await locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock !== null) await takeOver()
    })
    if (leading) return
    attach()
    // Granted when the tab that is the node has gone.
    await locks.request(name, {}, takeOver)
  }

  // The lock is refused only to a page that is going away.
  beNodeWhenFree().catch(() => undefined)

  return {
    call,
    setVisible(now) {
      visible = now
      tellVisible(now)
    },
    leave() {
      if (!leading) post({ to: NODE, notice: 'bye' })
    },
  }
}

/** One conversation between two tabs, over the channel that all of them share. */
function createChannelPort(channel: TabChannel, self: string, other: string): BridgePort {
  const wrapped = new Map<(event: MessageEvent) => void, (event: MessageEvent) => void>()
  return {
    postMessage: (message) => channel.postMessage({ to: other, from: self, message } satisfies Packet),
    addEventListener(type, listener) {
      const filter = (event: MessageEvent) => {
        const packet = event.data as Packet
        if (packet.to !== self || packet.from !== other || packet.message === undefined) return
        listener(new MessageEvent('message', { data: packet.message }))
      }
      wrapped.set(listener, filter)
      channel.addEventListener(type, filter)
    },
    removeEventListener(type, listener) {
      const filter = wrapped.get(listener)
      if (filter !== undefined) channel.removeEventListener(type, filter)
      wrapped.delete(listener)
    },
  }
}

interface Deferred {
  readonly promise: Promise<void>
  resolve(): void
}

function deferred(): Deferred {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LaresError('bridge-timeout', 'no tab runs the node')), timeoutMs)
  })
  try {
    await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
