/** Composition root of the page: what the browser lacks, which tab is the node, what the address brought, then the views. */
import { render } from 'preact'
import { linkOfServingRelay, takeArrival } from './page/arrival.ts'
import { findObstacle, readBrowserFacts } from './page/environment.ts'
import { createKeepsake } from './page/keeping.ts'
import { createTabs } from './page/tabs.ts'
import { watchUpdates } from './page/updates.ts'
import { watchPage } from './page/visibility.ts'
import { startWorkerNode, type WorkerNode } from './page/worker-node.ts'
import { App } from './ui/app.tsx'
import { ask } from './ui/ask.ts'
import { createStore, type PageActions } from './ui/store.ts'
import './ui/styles.css'

/** A static page belongs to no relay: it asks its own origin for nothing. */
const IS_STATIC = import.meta.env.MODE === 'static'
/** The page's own folder: tabs of one folder share one node. */
const BASE = new URL('.', location.href).href

async function startPage(): Promise<void> {
  const arrival = takeArrival(location, history)
  const store = createStore()
  let node: WorkerNode | undefined
  let acceptUpdate = () => {}
  let callNode: PageActions['call'] | undefined

  const actions: PageActions = {
    call: (body) => (callNode as PageActions['call'])(body),
    askLocalNetwork: async () => node?.askLocalNetwork(),
    acceptUpdate: () => acceptUpdate(),
    setVoucher: (voucher) => store.set({ voucher }),
  }
  const root = document.getElementById('app') as HTMLElement
  const show = () => render(<App store={store} actions={actions} />, root)

  const obstacle = findObstacle(await readBrowserFacts())
  store.set({ obstacle, voucher: arrival?.voucher })
  if (arrival?.voucher !== undefined) location.hash = '#/join'
  if (obstacle !== undefined) return show()

  const servedBy = IS_STATIC ? undefined : linkOfServingRelay(BASE)
  const tabs = createTabs({
    name: `lares ${BASE}`,
    tabId: crypto.randomUUID(),
    locks: navigator.locks,
    channel: new BroadcastChannel(`lares ${BASE}`),
    onRole: (role) => store.set({ role }),
    onView: (view) => store.set({ view }),
    lead: async (onView) => {
      node = await startWorkerNode({
        worker: new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module', name: 'lares' }),
        startNetwork: async () => (await import('./network/browser-network.ts')).createBrowserNetwork(),
        pageHost: location.hostname,
        codeOrigin: IS_STATIC ? BASE : location.origin,
        servedBy: await servedBy,
        keepsake: createKeepsake(),
        onView,
        onLocalNeed: (localNeed) => store.set({ localNeed }),
        onBroken: (failure) => store.set({ obstacle: failure }),
      })
      return node
    },
  })
  callNode = tabs.call
  show()

  acceptUpdate = watchUpdates(() => store.set({ updateReady: true }))
  watchPage(tabs.setVisible, (hint) => node?.setOnline(hint))
  window.addEventListener('pagehide', () => tabs.leave())

  const link = await servedBy
  if (link !== undefined) await addNetwork(link, store.get().view?.active === undefined)
  if (arrival?.join !== undefined) await addNetwork(arrival.join, true)

  async function addNetwork(joinLink: string, select: boolean): Promise<void> {
    const added = await ask(tabs.call, { call: 'add-network', link: joinLink })
    const outcome =
      added.ok && select ? await ask(tabs.call, { call: 'select-network', networkId: added.value.networkId }) : added
    if (outcome.ok) return
    store.set({ arrivalFailure: outcome })
    location.hash = '#/networks'
  }
}

void startPage()
