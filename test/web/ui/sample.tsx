/** The views over a worker of sample data: `?sample=<name>`, `&bars` for every bar, `&obstacle=<code>` for the page's own. */
import { render } from 'preact'
import { findObstacle } from '../../../web/page/environment.ts'
import { App } from '../../../web/ui/app.tsx'
import { createStore } from '../../../web/ui/store.ts'
import type { PageCall, PageReplies, ViewChanged, WorkerCall, WorkerReplies } from '../../../web/worker/api.ts'
import { createBridge } from '../../../web/worker/bridge.ts'
import '../../../web/ui/styles.css'

const query = new URLSearchParams(location.search)
const store = createStore()
const unused = (): never => {
  throw new Error('the sample worker asks for nothing')
}
const bridge = createBridge<WorkerCall, WorkerReplies, PageCall, PageReplies, never, ViewChanged>({
  port: new Worker(new URL('./fake-worker.ts', import.meta.url), { type: 'module' }),
  handlers: {
    dial: unused,
    request: unused,
    subscribe: unused,
    'unsubscribe-all': unused,
    serve: unused,
    publish: unused,
    penalise: unused,
    'hang-up': unused,
    persist: unused,
    power: unused,
    'peer-key': unused,
  },
  onEvent: ({ view }) => store.set({ view }),
})
const ALL = { secure: true, webrtc: true, storage: true, locks: true, workers: true }
const missing = query.get('missing')
store.set({
  obstacle: missing === null ? undefined : findObstacle({ ...ALL, [missing]: false }),
  ...(query.has('bars') ? { updateReady: true, localNeed: 'prompt' as const, role: 'attached' as const } : {}),
})
const codeOrigin = query.get('sample') ?? 'following'
store.set({ view: await bridge.call({ call: 'open', init: { codeOrigin, servedBy: undefined } }) })
render(
  <App
    store={store}
    actions={{
      call: (body) => bridge.call(body),
      askLocalNetwork: async () => store.set({ localNeed: 'denied' }),
      acceptUpdate: () => store.set({ updateReady: false }),
      setVoucher: (voucher) => store.set({ voucher }),
    }}
  />,
  document.getElementById('app') as HTMLElement,
)
