/** Many networks on one device, servers that come and go, views, and what a page may say wrong. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import { PROTOCOLS, topicsOf } from '../../../shared/protocol/ids.ts'
import { formatJoinLink } from '../../../shared/protocol/join-link.ts'
import { pointsFor } from '../../../shared/protocol/offence-points.ts'
import { MAX_INCIDENTS } from '../../../web/client/incidents.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const open = { call: 'open', init: { codeOrigin: 'https://here.example', servedBy: undefined } } as const

async function scene() {
  const chain = new ChainBuilder()
  await chain.mineMany(5)
  const harness = new ClientHarness({ chain })
  const honest = createHonestNode({ chain, now: () => harness.clock.now() })
  return { chain, harness, honest }
}

describe('networks on one device', () => {
  it('switches between networks, each with its own headers, and forgets one', async () => {
    const { harness, honest } = await scene()
    const foreign = new ChainBuilder({ name: 'foreign' })
    await foreign.mineMany(3)
    await harness.open()
    await harness.connect('A', honest)
    expect(harness.network.tip?.height).toBe(5)

    const other = new ClientHarness({ chain: foreign })
    const added = await harness.call({ call: 'add-network', link: other.link() })
    const networkId = toHex(foreign.networkId)
    expect(added).toEqual({ ok: true, value: { networkId } })
    expect(harness.app.view().networks).toHaveLength(2)
    // Adding is not opening.
    expect(harness.network.networkId).toBe(harness.networkId)

    await harness.clock.advance(1_000)
    expect(await harness.finish({ call: 'select-network', networkId })).toEqual({ ok: true, value: null })
    expect(harness.calls.map(({ call }) => call)).toContain('unsubscribe-all')
    expect(harness.calls).toContainEqual({ call: 'hang-up', peerId: 'A' })
    expect(harness.network).toMatchObject({ networkId, peers: [], tip: undefined })
    const { headers } = topicsOf(foreign.networkId)
    expect(harness.calls).toContainEqual({
      call: 'subscribe',
      topics: [{ topic: headers, maxLength: expect.any(Number) }],
    })
    await harness.connect('B', createHonestNode({ chain: foreign }))
    expect(harness.network.tip?.height).toBe(3)

    await harness.app.close()
    const again = new ClientHarness({ chain: foreign, store: harness.store })
    await again.call(open)
    // The one that was open last.
    expect(again.network).toMatchObject({ networkId, tip: { height: 3 } })
    expect(await again.finish({ call: 'remove-network', networkId })).toEqual({ ok: true, value: null })
    expect(again.network).toMatchObject({ networkId: harness.networkId, tip: { height: 5 } })
    expect(again.app.view().networks).toHaveLength(1)
    expect(await again.finish({ call: 'select-network', networkId })).toMatchObject({
      ok: false,
      code: 'unknown-network',
    })
    expect(await again.finish({ call: 'remove-network', networkId })).toMatchObject({
      ok: false,
      code: 'unknown-network',
    })
  })

  it('does not bring a network back that was removed while a server was asked for its start', async () => {
    const { harness, honest } = await scene()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await harness.call(open)
    await harness.call({ call: 'add-network', link: harness.link() })
    const connecting = harness.connect('A', async (protocol, bytes) => {
      if (protocol === PROTOCOLS.checkpoint.id) await held
      return honest(protocol, bytes)
    })
    await harness.clock.advance(100)
    await harness.call({ call: 'remove-network', networkId: harness.networkId })
    release()
    await connecting
    await harness.idle()
    expect(await harness.store.networks()).toEqual([])
    expect(harness.app.view()).toMatchObject({ networks: [], active: undefined })
  })

  it('takes new addresses from a newer link, and keeps its checkpoint', async () => {
    const { chain, harness } = await scene()
    await harness.open(chain.at(2), ['/ip4/10.0.0.1/udp/1'])
    await harness.call({ call: 'add-network', link: harness.link(chain.at(4), ['/ip4/10.0.0.2/udp/1']) })
    const [record] = await harness.store.networks()
    expect(record).toMatchObject({
      checkpoint: { height: 2 },
      addresses: ['/ip4/10.0.0.2/udp/1', '/ip4/10.0.0.1/udp/1'],
    })
  })

  it('refuses what is no join link', async () => {
    const { harness } = await scene()
    await harness.call(open)
    expect(await harness.call({ call: 'add-network', link: 'https://example.org/' })).toMatchObject({
      code: 'malformed-link',
    })
    expect(harness.app.view()).toMatchObject({ networks: [], active: undefined })
    expect(await harness.finish({ call: 'prepare-join', voucher: 'x' })).toMatchObject({ code: 'no-network' })
    const audit = await harness.finish({ call: 'audit', text: 'x' })
    expect(audit.verdict).toBe('malformed')
  })

  it('will not start from a link whose checkpoint is no header of the network', async () => {
    const { chain, harness, honest } = await scene()
    await harness.call(open)
    const link = formatJoinLink({
      version: 1,
      networkId: chain.networkId,
      checkpoint: { height: 3, hash: new Uint8Array(32).fill(1) },
      addresses: [],
      name: '',
    })
    await harness.call({ call: 'add-network', link })
    await harness.connect('A', honest)
    expect(harness.network.tip).toBeUndefined()
    // The server does not have it, and says so: that is no lie.
    expect(harness.penalties).toEqual([])
  })

  it('says whether its code came from the relay that it audits', async () => {
    const { chain, harness } = await scene()
    await harness.call({ call: 'open', init: { codeOrigin: 'https://relay.local', servedBy: harness.link() } })
    expect(harness.app.view()).toMatchObject({ codeOrigin: 'https://relay.local', codeFromAuditedRelay: false })
    await harness.call({ call: 'add-network', link: harness.link() })
    expect(harness.app.view().codeFromAuditedRelay).toBe(true)
    expect(toHex(chain.networkId)).toBe(harness.network.networkId)
  })
})

describe('servers', () => {
  it('are dialled until one is there, ever more slowly, and again when all are gone', async () => {
    const { harness, honest } = await scene()
    const dials = () => harness.calls.filter(({ call }) => call === 'dial').length
    await harness.open(undefined, ['/ip4/10.0.0.1/udp/1'])
    expect(dials()).toBe(1)
    expect(harness.network.phase).toBe('offline')
    await harness.clock.advance(10_000)
    expect(dials()).toBe(3)
    await harness.clock.advance(600_000)
    expect(dials()).toBeLessThan(20)
    const before = dials()
    await harness.call({ call: 'hint', hint: 'online' })
    await harness.idle()
    expect(dials()).toBe(before + 1)

    harness.dialled.set('/ip4/10.0.0.1/udp/1', 'A')
    await harness.connect('A', honest)
    await harness.clock.advance(120_000)
    const connected = dials()
    await harness.clock.advance(600_000)
    expect(dials()).toBe(connected)
    await harness.disconnect('A')
    await harness.clock.advance(5_000)
    expect(dials()).toBeGreaterThan(connected)
    expect(harness.incidents).toContain('server-lost')
  })

  it('are changed when the serving one dies, without a word about lying', async () => {
    const { chain, harness, honest } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    await harness.connect('B', honest)
    // The one that answered last serves.
    expect(harness.client?.servers.serving).toBe('B')
    await harness.disconnect('B')
    await chain.mineMany(3)
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.network.peers).toMatchObject([{ peerId: 'A', serving: true }])
    expect(harness.network.tip?.height).toBe(8)
    expect(harness.incidents).toEqual(['server-changed'])
    expect(harness.penalties).toEqual([])
  })

  it('that keep silent are hung up on', async () => {
    const { harness } = await scene()
    await harness.open()
    const silent = async () => Promise.reject(new Error('bridge-timeout'))
    await harness.connect('A', silent)
    for (let i = 0; i < 3; i++) await harness.client?.servers.ask('A', 'status', new Uint8Array(1))
    expect(harness.calls).toContainEqual({ call: 'hang-up', peerId: 'A' })
    expect(harness.penalties).toEqual([])
  })

  it('are told apart from a wrong clock', async () => {
    const { chain, harness } = await scene()
    await harness.open()
    await harness.connect('A', createHonestNode({ chain, now: () => harness.clock.now() + 3_600_000 }))
    expect(harness.network.incidents[0]).toMatchObject({
      code: 'clock-off',
      sentence: expect.stringContaining('60 minutes'),
    })
  })
})

describe('sleep', () => {
  it('asks anew after eight hours instead of replaying, and says asleep', async () => {
    const { chain, harness, honest } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    await harness.call({ call: 'hint', hint: 'hidden' })
    await harness.clock.advance(20 * 60_000)
    const quiet = harness.calls.length
    await harness.clock.advance(60 * 60_000)
    // Nobody looks: nothing is asked.
    expect(harness.calls.length).toBe(quiet)
    harness.clock.set(harness.clock.now() + 8 * 3_600_000)
    const before = harness.calls.length
    await harness.call({ call: 'hint', hint: 'visible' })
    await harness.idle()
    const asked = harness.calls.slice(before).filter(({ call }) => call === 'request')
    expect(asked).toHaveLength(1)
    expect(harness.network.phase).toBe('asleep')
    await chain.mine({ time: harness.clock.now() })
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.network).toMatchObject({ phase: 'following', tip: { height: 6 } })
    expect(harness.penalties).toEqual([])
    expect(harness.incidents).not.toContain('server-lied')
  })
})

describe('sleep while something was under way', () => {
  it('does not wait for answers of before', async () => {
    const { harness, honest } = await scene()
    await harness.open()
    await harness.connect('A', harness.hangIn(PROTOCOLS.headers.id, honest))
    expect(harness.network.tip?.height).toBe(0)
    harness.replace('A', honest)
    // Nothing new is asked while the old question is open,
    await harness.clock.advance(10_000)
    expect(harness.network.tip?.height).toBe(0)
    // until the device has slept in between.
    harness.clock.set(harness.clock.now() + 8 * 3_600_000)
    await harness.call({ call: 'hint', hint: 'online' })
    await harness.idle()
    expect(harness.network.tip?.height).toBe(5)
  })
})

describe('what is shown', () => {
  it('goes out ten times a second at most, and holds no more than it may', async () => {
    const { chain, harness, honest } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    await harness.clock.advance(1_000)
    harness.views.length = 0
    const began = harness.clock.now()
    for (let i = 0; i < 30; i++) {
      await harness.gossip('A', await chain.mine({ time: began + i }))
      await harness.clock.advance(10)
    }
    await harness.clock.advance(200)
    expect(harness.views.length).toBeGreaterThan(0)
    expect(harness.views.length).toBeLessThanOrEqual(5)
    expect(harness.views.at(-1)?.active?.tip?.height).toBe(35)
    expect(structuredClone(harness.views.at(-1))).toEqual(harness.views.at(-1))

    for (let i = 0; i < 2 * MAX_INCIDENTS; i++)
      harness.client?.incidents.add({
        code: `c${i}`,
        severity: 'note',
        sentence: 'x',
        evidence: new Uint8Array(100_000),
      })
    expect(harness.network.incidents).toHaveLength(MAX_INCIDENTS)
    expect(harness.network.incidents[0]?.code).toBe(`c${2 * MAX_INCIDENTS - 1}`)
    const kept = await harness.store.readIncidents(harness.networkId)
    const bytes = kept.reduce((sum, { evidence }) => sum + (evidence?.length ?? 0), 0)
    expect(bytes).toBeLessThanOrEqual(8 * 16_384)
  })

  it('ignores gossip of other topics, and judges none without a start', async () => {
    const { chain, harness } = await scene()
    await harness.open()
    expect(await harness.gossip('A', chain.tip)).toBe('ignore')
    expect(await harness.call({ call: 'gossip', from: 'A', topic: '/other', bytes: new Uint8Array(1) })).toBe('ignore')
  })

  it('charges a wrong proof or a bad seal at once, and slowness never', () => {
    expect(pointsFor('wrong-proof')).toBe(100)
    expect(pointsFor('bad-seal')).toBe(100)
    expect(pointsFor('malformed')).toBeLessThan(100)
  })
})
