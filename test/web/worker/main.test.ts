/** The worker's composition root, with a database, a port to the page and WebCrypto, as a browser gives them. */
import 'fake-indexeddb/auto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PageCall, PageReplies, ViewChanged, WorkerCall, WorkerReplies } from '../../../web/worker/api.ts'
import { type Bridge, type BridgePort, createBridge } from '../../../web/worker/bridge.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const { port1: page, port2: worker } = new MessageChannel()
let bridge: Bridge<WorkerCall, WorkerReplies, never>

beforeAll(async () => {
  worker.start()
  Object.assign(globalThis, {
    addEventListener: worker.addEventListener.bind(worker),
    removeEventListener: worker.removeEventListener.bind(worker),
    postMessage: worker.postMessage.bind(worker),
  })
  await import('../../../web/worker/main.ts')
})
afterAll(() => {
  bridge.close()
  page.close()
  worker.close()
})

describe('worker', () => {
  it('opens, joins a network over the bridge, follows it and answers an audit', async () => {
    const chain = new ChainBuilder({ createdAt: Date.now() - 20_000 })
    await chain.mineMany(10)
    const honest = createHonestNode({ chain, now: () => Date.now() })
    let arrived = (_view: ViewChanged['view']) => {}
    const atTip = new Promise<ViewChanged['view']>((resolve) => {
      arrived = (view) => {
        if (view.active?.tip?.height === 10) resolve(view)
      }
    })
    const dialled: string[] = []
    bridge = createBridge<WorkerCall, WorkerReplies, PageCall, PageReplies, never, ViewChanged>({
      port: page as unknown as BridgePort,
      onEvent: ({ view }) => arrived(view),
      handlers: {
        dial: ({ addresses }) => {
          dialled.push(...addresses)
          void bridge.call({
            call: 'peer-connected',
            peerId: 'A',
            transport: 'webrtc-direct',
            address: addresses[0] ?? '',
          })
          return { ok: true, value: { peerId: 'A' } }
        },
        request: async ({ protocol, bytes }) => {
          const answer = await honest(protocol, bytes)
          return answer === 'reject' ? { ok: false, code: 'refused', sentence: 'No.' } : { ok: true, value: answer }
        },
        subscribe: () => null,
        'unsubscribe-all': () => null,
        serve: () => null,
        publish: () => null,
        penalise: () => null,
        'hang-up': () => null,
        persist: () => true,
        'peer-key': () => new Uint8Array(32),
        power: () => 0,
      },
    })
    const view = await bridge.call({ call: 'open', init: { codeOrigin: 'here', servedBy: undefined } })
    expect(view).toEqual({
      obstacle: undefined,
      networks: [],
      active: undefined,
      codeFromAuditedRelay: false,
      codeOrigin: 'here',
      storage: { problem: undefined, isPersisted: undefined, keepsake: '' },
    })
    const link = new ClientHarness({ chain }).link(chain.first, ['/ip4/127.0.0.1/udp/1/webrtc-direct'])
    expect(await bridge.call({ call: 'add-network', link })).toMatchObject({ ok: true })
    expect((await atTip).active).toMatchObject({ phase: 'following', headersVerified: 10 })
    expect(dialled).toEqual(['/ip4/127.0.0.1/udp/1/webrtc-direct'])
    const report = await bridge.call({ call: 'audit', text: 'LARES1QQQ' })
    expect(report.verdict).toBe('malformed')
  })
})
