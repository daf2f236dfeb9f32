/** The node of this tab: its worker, its network, and the bridge between them. */
import type { AppView, Failure, PageCall, PageReplies, ViewChanged, WorkerCall, WorkerReplies } from '../worker/api.ts'
import { type Bridge, createBridge } from '../worker/bridge.ts'
import { askToPersist, type Keepsake } from './keeping.ts'
import { createLocalAccess, type LocalNeed } from './local-access.ts'
import { createNetworkHandlers, type PageNetwork, reportConnections } from './network-calls.ts'
import { readPower } from './power.ts'
import type { LocalNode } from './tabs.ts'
import type { CallNode } from './ui-calls.ts'

export interface WorkerNodeInit {
  readonly worker: Worker
  /** Starts libp2p; it is the larger part of the page's code and is loaded beside the worker. */
  readonly startNetwork: () => Promise<PageNetwork>
  readonly pageHost: string
  /** Where the page's code came from, as a person knows it. */
  readonly codeOrigin: string
  /** The join link of the relay that serves this page, if one does. */
  readonly servedBy: string | undefined
  /** A note outside of the worker's database. */
  readonly keepsake: Keepsake
  readonly onView: (view: AppView) => void
  readonly onLocalNeed: (need: LocalNeed | undefined) => void
  /** The worker or the network could not be started, or has stopped. */
  readonly onBroken: (failure: Failure) => void
}

export interface WorkerNode extends LocalNode {
  /** The person tapped: let the browser ask for the local network. */
  askLocalNetwork(): Promise<void>
  /** The device is online again, or was told so. */
  setOnline(hint: 'online' | 'offline'): void
}

export async function startWorkerNode(init: WorkerNodeInit): Promise<WorkerNode> {
  const { worker, onView, onBroken } = init
  const network = init.startNetwork()
  const localAccess = createLocalAccess({
    pageHost: init.pageHost,
    onNeed: init.onLocalNeed,
    onGranted: () => setOnline('online'),
  })
  const bridge: Bridge<WorkerCall, WorkerReplies, never> = createBridge<
    WorkerCall,
    WorkerReplies,
    PageCall,
    PageReplies,
    never,
    ViewChanged
  >({
    port: worker,
    handlers: createNetworkHandlers({
      network,
      localAccess,
      worker: { call: (body) => bridge.call(body) },
      persist: askToPersist,
      power: () => readPower(),
    }),
    onEvent: ({ view }) => {
      init.keepsake.write(view.storage.keepsake)
      onView(view)
    },
  })

  let opened = false
  worker.addEventListener('error', (event) => {
    console.error('The worker failed', event.message)
    // A script that cannot be loaded says nothing else; a fault later on leaves the worker running.
    if (!opened) bridge.close('the worker could not be loaded')
  })

  function setOnline(hint: 'online' | 'offline'): void {
    // A worker that is gone is told of elsewhere; a hint is no news to it.
    void bridge.call({ call: 'hint', hint }).catch(() => undefined)
    if (hint === 'online') void network.then((ready) => ready.poke(), noNetwork)
  }

  function noNetwork(): void {
    onBroken(broken('no-network', 'The network part of this page could not be started: reload the page.'))
  }

  const { codeOrigin, servedBy } = init
  try {
    onView(await bridge.call({ call: 'open', init: { codeOrigin, servedBy, keepsake: init.keepsake.read() } }))
    opened = true
  } catch (error) {
    console.error('The worker did not open', error)
    onBroken(
      broken(
        'worker-unopened',
        'The part of this page that checks and keeps the chain did not start: reload the page.',
      ),
    )
  }
  void network.then((ready) => reportConnections(ready, bridge), noNetwork)

  const call: CallNode = (body) => bridge.call(body)
  return { call, askLocalNetwork: () => localAccess.ask(), setOnline }
}

function broken(code: string, sentence: string): Failure {
  return { ok: false, code, sentence }
}
