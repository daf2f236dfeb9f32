import { useEffect, useState } from 'preact/hooks'
import { explainLocalNetworkNeed } from '../network/local-network.ts'
import { Icon, type IconName, Mark } from './icons.tsx'
import { Late } from './parts.tsx'
import { StatusView } from './status-view.tsx'
import { type PageActions, type PageState, type Store, useStore } from './store.ts'

const VIEWS = [
  { name: 'status', word: 'Status', icon: 'status' },
  { name: 'audit', word: 'Check', icon: 'audit' },
  { name: 'join', word: 'My ID', icon: 'identity' },
  { name: 'networks', word: 'Networks', icon: 'networks' },
] as const satisfies readonly { name: string; word: string; icon: IconName }[]
type ViewName = (typeof VIEWS)[number]['name']

const loadAudit = async () => (await import('./audit-view.tsx')).AuditView
const loadJoin = async () => (await import('./join-view.tsx')).JoinView
const loadNetworks = async () => (await import('./networks-view.tsx')).NetworksView

function viewOf(hash: string): ViewName {
  return VIEWS.find(({ name }) => hash === `#/${name}`)?.name ?? 'status'
}

function useViewName(): ViewName {
  const [name, setName] = useState(() => viewOf(location.hash))
  useEffect(() => {
    const update = () => {
      setName(viewOf(location.hash))
      // Each view begins at its top, wherever the one before was scrolled to.
      window.scrollTo(0, 0)
    }
    window.addEventListener('hashchange', update)
    return () => window.removeEventListener('hashchange', update)
  }, [])
  return name
}

export function App({ store, actions }: { store: Store; actions: PageActions }) {
  const state = useStore(store)
  const name = useViewName()
  const obstacle = state.obstacle ?? state.view?.obstacle
  return (
    <>
      <header class="top">
        <a class="brand" href="#/status">
          <Mark /> Lares
        </a>
        {obstacle === undefined && (
          <nav aria-label="Views">
            {VIEWS.map((view) => (
              <a key={view.name} href={`#/${view.name}`} aria-current={view.name === name ? 'page' : undefined}>
                <Icon name={view.icon} /> <span>{view.word}</span>
              </a>
            ))}
          </nav>
        )}
      </header>
      <main>
        <Bars state={state} actions={actions} />
        {obstacle === undefined ? (
          <View name={name} state={state} actions={actions} />
        ) : (
          <section class="card lonely" role="alert">
            <span class="verdict-symbol tone-warn">
              <Icon name="warning" size={36} />
            </span>
            <h1>This page cannot start here</h1>
            <p data-testid="obstacle" data-code={obstacle.code}>
              {obstacle.sentence}
            </p>
          </section>
        )}
      </main>
    </>
  )
}

function View({ name, state, actions }: { name: ViewName; state: PageState; actions: PageActions }) {
  const { view } = state
  if (view === undefined) return <Starting />
  switch (name) {
    case 'status':
      return <StatusView view={view} actions={actions} />
    case 'audit':
      return <Late key={name} load={loadAudit} props={{ view, actions }} waiting={<Starting />} />
    case 'join':
      return (
        <Late key={name} load={loadJoin} props={{ view, voucher: state.voucher, actions }} waiting={<Starting />} />
      )
    case 'networks':
      return (
        <Late
          key={name}
          load={loadNetworks}
          props={{ view, arrivalFailure: state.arrivalFailure, actions }}
          waiting={<Starting />}
        />
      )
  }
}

function Starting() {
  return (
    <p class="starting muted" role="status">
      Starting…
    </p>
  )
}

/** What has to be said whatever the view: an update, the local network, another tab. */
function Bars({ state, actions }: { state: PageState; actions: PageActions }) {
  const [later, setLater] = useState(false)
  return (
    <div class="bars" aria-live="polite">
      {state.updateReady && !later && (
        <div class="bar tone-calm" data-testid="update-bar">
          <p>A new version of this page is ready. It is used only when you say so.</p>
          <div class="row">
            <button type="button" class="primary small" data-testid="update-accept" onClick={actions.acceptUpdate}>
              Use it now
            </button>
            <button type="button" class="quiet small" onClick={() => setLater(true)}>
              Later
            </button>
          </div>
        </div>
      )}
      {state.localNeed !== undefined && (
        <div class="bar tone-warn" data-testid="local-network" data-state={state.localNeed}>
          <p>{explainLocalNetworkNeed(state.localNeed)}</p>
          {state.localNeed === 'prompt' && (
            <button
              type="button"
              class="primary small"
              data-testid="local-network-ask"
              onClick={() => void actions.askLocalNetwork()}
            >
              Ask now
            </button>
          )}
        </div>
      )}
      {state.view?.storage.problem !== undefined && (
        <div class="bar tone-warn" data-testid="storage-problem" data-code={state.view.storage.problem.code}>
          <p>{state.view.storage.problem.sentence}</p>
        </div>
      )}
      {state.role === 'attached' && (
        <div class="bar tone-idle" data-testid="attached">
          <p>Another tab does the work. This one shows the same, and takes over when that one closes.</p>
        </div>
      )}
    </div>
  )
}
