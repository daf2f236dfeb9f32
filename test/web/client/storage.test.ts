/**
 * What a phone keeps of a chain, and what becomes of it: a reload reads the restart point, checks the rest in use, and
 * fetches again what does not hold, and only that.
 */
import { describe, expect, it, vi } from 'vitest'
import { LaresError } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { headersCodec } from '../../../shared/protocol/messages.ts'
import { CHUNK_HEADERS, MAX_RECENT_HEADERS } from '../../../web/client/header-log.ts'
import type { HeaderChunk, LocalStore, RestartRecord } from '../../../web/store/local-store.ts'
import { createMemoryStore } from '../../../web/store/memory-store.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'

/** Two chunks and a restart point of 74 headers. */
const RECENT = 74
const LONG = 2 * CHUNK_HEADERS + RECENT
const FIRSTS = [1, CHUNK_HEADERS + 1]
/** Long chains, on busy machines. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const longChain = new ChainBuilder()
await longChain.mineMany(LONG + 10)
const LONG_TIP = longChain.tip
/** A headers item without roster changes, bytes. */
const ITEM = 247

async function followingLong() {
  longChain.tip = longChain.blocks.get(longChain.at(LONG).node.id) ?? longChain.first
  const harness = new ClientHarness({ chain: longChain })
  const honest = createHonestNode({ chain: longChain, now: () => harness.clock.now() })
  await harness.open()
  await harness.connect('A', honest)
  await harness.app.close()
  const { store, networkId } = harness
  const whole = await everything(store, networkId)
  return { chain: longChain, honest, store, networkId, whole }
}

interface Everything {
  readonly restart: RestartRecord
  readonly chunks: HeaderChunk[]
}

async function everything(store: LocalStore, networkId: string): Promise<Everything> {
  const stored = await store.readChain(networkId)
  if (stored?.restart === undefined) throw new Error('not stored')
  const chunks = await Promise.all(stored.firsts.map((first) => store.readChunk(networkId, first)))
  return { restart: stored.restart, chunks: chunks.filter((chunk) => chunk !== undefined) }
}

async function reopen(chain: ChainBuilder, store: LocalStore): Promise<ClientHarness> {
  const again = new ClientHarness({ chain, store })
  await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
  return again
}

/** Counts the headers of its answers. */
function counting(answer: Answer) {
  const count = { headers: 0 }
  const counted: Answer = async (protocol, bytes) => {
    const bytesBack = await answer(protocol, bytes)
    if (protocol === PROTOCOLS.headers.id && bytesBack instanceof Uint8Array) {
      const decoded = headersCodec.decode(bytesBack)
      count.headers += decoded.ok ? decoded.value.items.length : 0
    }
    return bytesBack
  }
  return { count, counted }
}

const flip = (bytes: Uint8Array, at: number) => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte))

describe('a reload', () => {
  it('opens from the restart point, then checks the rest, and fetches only what is new', async () => {
    const { chain, honest, store, networkId, whole } = await followingLong()
    expect(whole.chunks.map(({ first }) => first)).toEqual(FIRSTS)
    const reads: number[] = []
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow: LocalStore = {
      ...store,
      async readChunk(id, first) {
        reads.push(first)
        await gate
        return store.readChunk(id, first)
      },
    }
    const again = await reopen(chain, slow)
    // Open, with no chunk read yet.
    expect(again.network).toMatchObject({
      tip: { height: LONG },
      settled: { height: LONG - 2 },
      headersVerified: RECENT,
      headersStored: RECENT,
    })
    expect(reads).toEqual([FIRSTS[1]])
    release()
    await again.idle()
    expect(reads).toEqual(FIRSTS.toReversed())
    expect(again.network).toMatchObject({ headersVerified: LONG, headersStored: LONG, headersFetched: 0 })
    expect(again.client?.graph?.base.height).toBe(0)

    chain.tip = LONG_TIP
    again.clock.set(LONG_TIP.block.header.time)
    const { count, counted } = counting(honest)
    await again.connect('A', counted)
    expect(again.network).toMatchObject({ headersVerified: LONG + 10, tip: { hash: LONG_TIP.node.id }, incidents: [] })
    expect(again.network.headersFetched).toBe(10)
    expect(count.headers).toBe(10)
    expect((await everything(store, networkId)).chunks).toEqual(whole.chunks)
  })

  it('judges branches that leave the chain far below the restart point, once the rest is checked', async () => {
    const chain = new ChainBuilder({ keepers: 3 })
    const length = MAX_RECENT_HEADERS + 1
    await chain.mineMany(length)
    const harness = new ClientHarness({ chain })
    const honest = createHonestNode({ chain, now: () => harness.clock.now() })
    await harness.open()
    await harness.connect('A', honest)
    await harness.app.close()
    // Two thirds of the keepers went on from far below; they are many more blocks later.
    let fork = chain.at(150)
    for (let i = 0; fork.node.height < length + 10; i++) fork = await chain.mine({ on: fork, seat: i % 2 })
    chain.tip = fork
    const again = await reopen(chain, harness.store)
    again.clock.set(fork.block.header.time)
    await again.connect('A', honest)
    await again.clock.advance(20_000)
    await again.idle()
    expect(again.network.tip?.hash).toBe(fork.node.id)
    expect(again.incidents).toContain('left-settled')
  })

  it('begins at genesis with an unsettled chain, however long: nothing unsettled becomes a root', async () => {
    // One of three keepers seals everything: nothing ever settles.
    const chain = new ChainBuilder({ keepers: 3 })
    await chain.mineMany(MAX_RECENT_HEADERS + 1, { seat: 0 })
    const harness = new ClientHarness({ chain })
    await harness.open()
    await harness.connect('A', createHonestNode({ chain, now: () => harness.clock.now() }))
    expect(harness.network).toMatchObject({ settled: { height: 0 }, tip: { height: MAX_RECENT_HEADERS + 1 } })
    await harness.app.close()
    const again = await reopen(chain, harness.store)
    expect(again.client?.graph?.base.height).toBe(0)
    expect(again.network).toMatchObject({ settled: { height: 0 }, tip: { hash: chain.tip.node.id }, incidents: [] })
    await again.app.close()
    // With a part of it gone, it is fetched, not jumped over.
    const { restart } = await everything(harness.store, harness.networkId)
    await harness.store.writeChain(harness.networkId, { restart, put: [], remove: [1] })
    const third = await reopen(chain, harness.store)
    expect(third.client?.graph?.base.height).toBe(0)
    expect(third.network.settled?.height).toBe(0)
    expect(third.incidents).toEqual(['storage-repaired'])
  })
})

describe('damage', () => {
  const second = (whole: Everything) => whole.chunks[1] as HeaderChunk
  const damages: {
    readonly name: string
    readonly harm: (whole: Everything) => { restart?: RestartRecord; put?: HeaderChunk[]; remove?: number[] }
    /** Headers that have to be fetched. */
    readonly fetched: number
    /** Headers at hand before any server answers. */
    readonly left: number
  }[] = [
    {
      name: 'a seal in an old chunk',
      harm: (whole) => ({ put: [{ ...second(whole), items: flip(second(whole).items, 2 + ITEM * 3 + 200) }] }),
      fetched: CHUNK_HEADERS,
      left: RECENT,
    },
    { name: 'an old chunk gone', harm: () => ({ remove: [1] }), fetched: CHUNK_HEADERS, left: LONG - CHUNK_HEADERS },
    {
      name: 'start point of an old chunk',
      harm: (whole) => ({ put: [{ ...second(whole), start: flip(second(whole).start, 40) }] }),
      fetched: CHUNK_HEADERS,
      left: RECENT,
    },
    {
      name: 'a chunk of the wrong place',
      harm: (whole) => ({ put: [{ ...second(whole), items: (whole.chunks[0] as HeaderChunk).items }] }),
      fetched: CHUNK_HEADERS,
      left: RECENT,
    },
    {
      name: 'all chunks gone',
      harm: () => ({ remove: FIRSTS }),
      fetched: 2 * CHUNK_HEADERS,
      left: RECENT,
    },
    {
      name: 'a seal in the restart point',
      harm: ({ restart }) => ({ restart: { ...restart, items: flip(restart.items, 2 + ITEM * 5 + 200) } }),
      fetched: RECENT - 5,
      left: 2 * CHUNK_HEADERS + 5,
    },
    {
      name: 'start of the restart point',
      harm: ({ restart }) => ({ restart: { ...restart, start: flip(restart.start, 40) } }),
      fetched: 0,
      left: LONG,
    },
    {
      name: 'all of the restart point',
      harm: ({ restart }) => ({ restart: { ...restart, start: new Uint8Array(), items: Uint8Array.of(0, 9) } }),
      fetched: RECENT,
      left: 2 * CHUNK_HEADERS,
    },
  ]
  it.each(damages)('of $name is repaired with $fetched headers', async ({ harm, fetched, left }) => {
    const { chain, honest, store, networkId, whole } = await followingLong()
    await store.writeChain(networkId, { restart: whole.restart, put: [], remove: [], ...harm(whole) })
    const again = await reopen(chain, store)
    await again.idle()
    expect(again.network.headersStored).toBeLessThanOrEqual(left)
    const { count, counted } = counting(honest)
    await again.connect('A', counted)
    expect(again.incidents).toEqual(['storage-repaired'])
    expect(again.network).toMatchObject({
      headersStored: LONG,
      headersFetched: fetched,
      tip: { hash: chain.tip.node.id },
    })
    expect(count.headers).toBe(fetched)
    await again.app.close()
    const repaired = await everything(store, networkId)
    expect(repaired.chunks).toEqual(whole.chunks)
    expect(repaired.restart).toEqual(whole.restart)
    const third = await reopen(chain, store)
    await third.idle()
    expect(third.network).toMatchObject({ headersStored: LONG, headersFetched: 0 })
    expect(third.incidents).toEqual(['storage-repaired'])
  })

  it('waits for a server that can help, and is not made worse by one that cannot', async () => {
    const { chain, honest, store, networkId, whole } = await followingLong()
    await store.writeChain(networkId, { restart: whole.restart, put: [], remove: [1] })
    const again = await reopen(chain, store)
    const useless: Answer = async (protocol, bytes) =>
      protocol === PROTOCOLS.headers.id ? headersCodec.encode({ items: [] }) : honest(protocol, bytes)
    await again.connect('A', useless)
    expect(again.network.headersStored).toBe(LONG - CHUNK_HEADERS)
    await again.disconnect('A')
    await again.connect('B', honest)
    expect(again.network).toMatchObject({ headersStored: LONG, headersFetched: CHUNK_HEADERS })
  })

  it('of checkpoint and start is repaired from the note and a server, without a header', async () => {
    const { chain, honest, store } = await followingLong()
    const [record] = await store.networks()
    if (record?.start === undefined) throw new Error('not stored')
    const noted = new ClientHarness({ chain, store })
    await noted.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    const { keepsake } = noted.app.view().storage
    await noted.app.close()
    const checkpoint = { height: 7, hash: new Uint8Array(32).fill(7) }
    for (const harm of [{ checkpoint }, { start: flip(record.start, 100) }, { checkpoint, start: Uint8Array.of(1) }]) {
      await store.putNetwork({ ...record, ...harm })
      await store.writeIncidents(record.networkId, [])
      const again = new ClientHarness({ chain, store })
      await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined, keepsake } })
      await again.connect('A', honest)
      expect(again.network).toMatchObject({ tip: { height: LONG }, headersStored: LONG, headersFetched: 0 })
      expect(again.incidents).toEqual(['storage-repaired'])
      await again.app.close()
      expect(await store.networks()).toMatchObject([{ checkpoint: record.checkpoint, start: record.start }])
    }
  })

  it('does not fetch what was let go on purpose', async () => {
    const { chain, honest, store, networkId, whole } = await followingLong()
    const restart = { ...whole.restart, floor: CHUNK_HEADERS + 1 }
    await store.writeChain(networkId, { restart, put: [], remove: [1] })
    const again = await reopen(chain, store)
    await again.connect('A', honest)
    expect(again.network).toMatchObject({ headersStored: LONG - CHUNK_HEADERS, headersFetched: 0, incidents: [] })
  })
})

describe('a full store', () => {
  /** Takes no more than so many chunks, and nothing at all while shut. */
  function tight(inner: LocalStore) {
    const state = { room: Number.POSITIVE_INFINITY, shut: false }
    const full = () => new LaresError('storage-full', 'no room')
    const store: LocalStore = {
      ...inner,
      async writeChain(networkId, write) {
        if (state.shut || write.put.length > state.room) throw full()
        await inner.writeChain(networkId, write)
      },
    }
    return { state, store }
  }

  it('lets old headers go, keeps the newest, and does not fetch the old ones again', async () => {
    longChain.tip = longChain.blocks.get(longChain.at(LONG).node.id) ?? longChain.first
    const { state, store } = tight(createMemoryStore())
    state.room = 0
    const harness = new ClientHarness({ chain: longChain, store })
    const honest = createHonestNode({ chain: longChain, now: () => harness.clock.now() })
    await harness.open()
    await harness.connect('A', honest)
    expect(harness.incidents).toEqual(['storage-trimmed'])
    expect(harness.network).toMatchObject({ tip: { height: LONG }, headersStored: RECENT })
    await harness.app.close()
    const again = await reopen(longChain, store)
    await again.connect('A', honest)
    expect(again.network).toMatchObject({ tip: { height: LONG }, headersFetched: 0, headersStored: RECENT })
  })

  it('takes nothing, and the network opens all the same', async () => {
    const { chain, honest, store } = await followingLong()
    const full = async () => Promise.reject(new LaresError('storage-full', 'no room'))
    const again = await reopen(chain, { ...store, putNetwork: full, writeChain: full, writeIncidents: full })
    await again.connect('A', honest)
    expect(again.network).toMatchObject({ phase: 'following', tip: { height: LONG }, headersFetched: 0 })
  })

  it('goes on in memory when there is no room at all, says so, and stores again when there is', async () => {
    longChain.tip = longChain.blocks.get(longChain.at(LONG).node.id) ?? longChain.first
    const { state, store } = tight(createMemoryStore())
    state.shut = true
    const harness = new ClientHarness({ chain: longChain, store })
    const honest = createHonestNode({ chain: longChain, now: () => harness.clock.now() })
    await harness.open()
    await harness.connect('A', honest)
    expect(harness.incidents).toEqual(['storage-full'])
    expect(harness.network).toMatchObject({ phase: 'following', tip: { height: LONG } })
    expect(await store.readChain(harness.networkId)).toBeUndefined()
    state.shut = false
    longChain.tip = LONG_TIP
    harness.clock.set(LONG_TIP.block.header.time)
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.incidents).toEqual(['storage-recovered', 'storage-full'])
    expect((await everything(store, harness.networkId)).restart.height).toBe(LONG + 10)
  })
})
