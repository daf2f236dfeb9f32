/** The page of the benchmarks: the product's worker behind the product's page part, with a network made up or real. */
import { equalBytes } from '../../../shared/bytes.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { headersRequestCodec } from '../../../shared/protocol/messages.ts'
import type { PeerConnection, PeerListener } from '../../../shared/protocol/transport.ts'
import type { BrowserNetwork } from '../../../web/network/browser-network.ts'
import type { PageNetwork } from '../../../web/page/network-calls.ts'
import { startWorkerNode, type WorkerNode } from '../../../web/page/worker-node.ts'
import type { AppView } from '../../../web/worker/api.ts'
import type { ChainFiles, DutyChange, RivalAnswer, RivalName, RivalOrder, TimedAudit } from './messages.ts'

const PEER = 'bench'
const STORED_POLL_MS = 5

let view: AppView | undefined
const watchers = new Set<() => void>()

function until(holds: (view: AppView) => boolean): Promise<AppView> {
  return new Promise((resolve) => {
    const look = () => {
      if (view === undefined || !holds(view)) return
      watchers.delete(look)
      resolve(view)
    }
    watchers.add(look)
    look()
  })
}

async function startNode(startNetwork: () => Promise<PageNetwork>): Promise<WorkerNode> {
  const node = await startWorkerNode({
    worker: new Worker('/worker.js', { type: 'module' }),
    startNetwork,
    pageHost: location.hostname,
    codeOrigin: location.origin,
    servedBy: undefined,
    keepsake: { read: () => undefined, write: () => undefined },
    onView(next) {
      view = next
      for (const look of [...watchers]) look()
    },
    onLocalNeed: () => undefined,
    onBroken: ({ sentence }) => {
      throw new Error(sentence)
    },
  })
  return node
}

async function join(node: WorkerNode, link: string): Promise<void> {
  const added = await node.call({ call: 'add-network', link })
  if (!added.ok) throw new Error(added.sentence)
  const selected = await node.call({ call: 'select-network', networkId: added.value.networkId })
  if (!selected.ok) throw new Error(selected.sentence)
}

async function file(name: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(name)).arrayBuffer())
}

async function loadChain(meta: { link: string; itemLength: number }): Promise<ChainFiles> {
  const [networkId, status, checkpoint, hashes, items, sealingKey] = await Promise.all(
    ['network-id', 'status', 'checkpoint', 'hashes', 'items', 'sealing-key'].map((name) => file(`/${name}`)),
  )
  return { ...meta, networkId, status, checkpoint, hashes, items, sealingKey } as ChainFiles
}

/** A server that has the whole chain in memory and answers at once. */
function networkOf(chain: ChainFiles): { network: PageNetwork; connect(): void } {
  const listeners = new Set<PeerListener>()
  const count = chain.items.length / chain.itemLength
  const heights = new Map<string, number>()
  for (let height = 0; height <= count; height++) heights.set(keyOf(chain.hashes, height * 32), height)

  function headersAfter(request: Uint8Array): Uint8Array {
    const asked = headersRequestCodec.decode(request)
    if (!asked.ok) throw new Error(asked.detail)
    const from = asked.value.locator.map((hash) => heights.get(keyOf(hash, 0))).find((one) => one !== undefined) ?? 0
    const given = Math.min(asked.value.count, count - from)
    const answer = new Uint8Array(2 + given * chain.itemLength)
    new DataView(answer.buffer).setUint16(0, given)
    answer.set(chain.items.subarray(from * chain.itemLength, (from + given) * chain.itemLength), 2)
    return answer
  }

  const network: PageNetwork = {
    peerKey: new Uint8Array(32),
    async request(_peer, { id }, bytes) {
      if (id === PROTOCOLS.headers.id) return headersAfter(bytes)
      if (id === PROTOCOLS.status.id) return chain.status.slice()
      if (id === PROTOCOLS.checkpoint.id) return chain.checkpoint.slice()
      throw new Error(`nobody answers ${id}`)
    },
    on(event, listener) {
      if (event === 'connected') listeners.add(listener)
      return () => listeners.delete(listener)
    },
    dial: () => Promise.reject(new Error('nobody there')),
    disconnect: async () => undefined,
    forget: () => undefined,
    handle: async () => undefined,
    keepConnected: () => undefined,
    peers: () => [],
    penalise: (_peer, _points, code) => {
      throw new Error(`the worker complains: ${code}`)
    },
    poke: () => undefined,
    publish: async () => 0,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
  }
  const connection: PeerConnection = {
    peerId: PEER,
    address: '/ip4/127.0.0.1/tcp/1/ws',
    transport: 'websocket',
    direction: 'outbound',
  }
  return { network, connect: () => listeners.forEach((listener) => void listener(connection)) }
}

function keyOf(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 32))
}

/** Until the newest header is on disk, as another connection to the database sees it. */
async function untilStored(height: number): Promise<void> {
  const [{ name = '' } = {}] = await indexedDB.databases()
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(name)
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(opening.error)
  })
  for (;;) {
    const [record] = await new Promise<{ height: number }[]>((resolve, reject) => {
      const asking = database.transaction('restarts').objectStore('restarts').getAll()
      asking.onsuccess = () => resolve(asking.result as { height: number }[])
      asking.onerror = () => reject(asking.error)
    })
    if (record?.height === height) break
    await new Promise((resolve) => setTimeout(resolve, STORED_POLL_MS))
  }
  database.close()
}

/** Headers a second: from the server's arrival to the last header verified and on disk. */
async function follow(meta: { link: string; itemLength: number }): Promise<number> {
  const chain = await loadChain(meta)
  const count = chain.items.length / chain.itemLength
  const { network, connect } = networkOf(chain)
  const node = await startNode(async () => network)
  await join(node, chain.link)
  const start = performance.now()
  connect()
  const reached = await until(({ active }) => active?.tip?.height === count)
  await untilStored(count)
  const elapsed = (performance.now() - start) / 1_000
  const tip = reached.active?.tip
  if (tip === undefined || !equalBytes(chain.hashes.subarray(count * 32), bytesOf(tip.hash)))
    throw new Error('it followed another chain')
  return count / elapsed
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

async function rival(meta: { link: string; itemLength: number }, name: RivalName, count: number): Promise<number> {
  const chain = await loadChain(meta)
  const worker = new Worker('/rivals.js', { type: 'module' })
  const answer = new Promise<RivalAnswer>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<RivalAnswer>) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
  })
  worker.postMessage({ rival: name, chain, count } satisfies RivalOrder)
  const outcome = await answer
  worker.terminate()
  if ('error' in outcome) throw new Error(outcome.error)
  return outcome.rate
}

/** libp2p's ping: 32 bytes there and back. Our frame with a payload of 28 has that length, and comes back as it went. */
const PING = { id: '/ipfs/ping/1.0.0', maxRequest: 28, maxResponse: 28, timeoutMs: 10_000 }

let live: { readonly node: WorkerNode; readonly network: BrowserNetwork; readonly peerId: string } | undefined

/** Joins a real relay over WebRTC-direct. @returns the transport */
async function connect(link: string): Promise<string> {
  const { createBrowserNetwork } = await import('../../../web/network/browser-network.ts')
  const network = await createBrowserNetwork()
  const node = await startNode(async () => network)
  await join(node, link)
  await until(
    ({ active }) => active?.phase === 'following' && active.settled !== undefined && active.settled.height > 0,
  )
  const [peer] = network.peers()
  if (peer === undefined) throw new Error('nobody is connected')
  live = { node, network, peerId: peer.peerId }
  return peer.transport
}

/** Milliseconds of each of so many pings, one after another. */
async function pings(count: number): Promise<number[]> {
  const { network, peerId } = live as NonNullable<typeof live>
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const bytes = crypto.getRandomValues(new Uint8Array(28))
    const start = performance.now()
    const echo = await network.request(peerId, PING, bytes)
    times.push(performance.now() - start)
    if (!equalBytes(echo, bytes)) throw new Error('no echo')
  }
  return times
}

/** Milliseconds of each of so many audits of an ID: from the call to the verdict, through the worker and back. */
async function audits(id: string, verdict: string, count: number): Promise<number[]> {
  const { node } = live as NonNullable<typeof live>
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const start = performance.now()
    const report = await node.call({ call: 'audit', text: id })
    times.push(performance.now() - start)
    if (report.verdict !== verdict) throw new Error(`${report.verdict}: ${report.sentence}`)
  }
  return times
}

/** Asks about an ID every so often, whether the ones before were answered or not; resolves when all are. */
async function auditEvery(id: string, everyMs: number, forMs: number): Promise<TimedAudit[]> {
  const { node } = live as NonNullable<typeof live>
  const asked: Promise<TimedAudit>[] = []
  const begun = performance.now()
  for (let next = begun; next < begun + forMs; next += everyMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())))
    const start = performance.now()
    const at = Date.now()
    const answer = ({ verdict }: { readonly verdict: string }) => ({ at, ms: performance.now() - start, verdict })
    asked.push(node.call({ call: 'audit', text: id }).then(answer))
  }
  return Promise.all(asked)
}

/** Joins by a voucher, as a person does who has written the words down. @returns its device ID, once it is settled */
async function joinWith(voucher: string): Promise<string> {
  const { node } = live as NonNullable<typeof live>
  const prepared = await node.call({ call: 'prepare-join', voucher })
  if (!prepared.ok) throw new Error(prepared.sentence)
  const { words, asked } = prepared.value
  const confirmed = await node.call({
    call: 'confirm-join',
    answers: asked.map((position) => words[position] as string),
  })
  if (!confirmed.ok) throw new Error(confirmed.sentence)
  const { active } = await until((now) => now.active?.identity.state === 'settled')
  return active?.identity.deviceId ?? ''
}

const dutyChanges: DutyChange[] = []

/** Who serves this page, each time that it changed, from the first call on. */
function duties(): readonly DutyChange[] {
  if (dutyChanges.length === 0) {
    const look = () => {
      const of = (state: string) => view?.active?.assigned.find((server) => server.state === state)?.peerId
      const [primary, standby] = [of('primary'), of('standby')]
      const last = dutyChanges.at(-1)
      if (last !== undefined && last.primary === primary && last.standby === standby) return
      dutyChanges.push({ at: Date.now(), primary, standby })
    }
    watchers.add(look)
    look()
  }
  return dutyChanges
}

/** What the benchmarks call. */
export const benchPage = { follow, rival, connect, pings, audits, auditEvery, joinWith, duties }
Object.assign(globalThis, { benchPage })
