/** An audit: the verdict comes from a proof under the own settled header, or there is none. */
import { describe, expect, it } from 'vitest'
import { formatDeviceId, formatDid } from '../../../shared/identity/device-id.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { proofCodec } from '../../../shared/protocol/messages.ts'
import { type AuditedChain, auditDevice } from '../../../web/client/audit.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { alterByte, createLyingNode } from '../../framework/lying-full-node.ts'

async function scene() {
  const chain = new ChainBuilder({ keepers: 3 })
  const relay = await foundRelay(chain)
  const sensor = await registerByVoucher(chain, await makeVoucher(chain, relay), {
    wallet: namedSigner('sensor'),
    endorsers: [relay],
  })
  await chain.mineMany(6)
  const harness = new ClientHarness({ chain })
  const honest = createHonestNode({ chain, now: () => harness.clock.now() })
  const idOf = (deviceId: Uint8Array) => formatDeviceId(chain.networkId, deviceId)
  const audit = (deviceId: Uint8Array) => harness.finish({ call: 'audit', text: idOf(deviceId) })
  return { chain, relay, sensor, harness, honest, idOf, audit }
}

it('cannot say while the chain begins anew, after a recovery', async () => {
  const { chain, harness, honest, sensor } = await scene()
  await harness.open()
  await harness.connect('A', honest)
  const client = harness.client as AuditedChain
  const state = { isGone: false }
  const anew = new Proxy(client, {
    get(from, name) {
      if (name === 'graph' && state.isGone) return undefined
      if (name === 'query')
        return async () => {
          state.isGone = true
          return { kind: 'unavailable', lies: 0 }
        }
      const value: unknown = Reflect.get(from, name, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
  const report = await auditDevice(anew, sensor.deviceId, harness.clock)
  expect(report).toMatchObject({ verdict: 'cannot-say', deviceId: formatDeviceId(chain.networkId, sensor.deviceId) })
})

/** Answers everything honestly but proofs, which it does not have. */
function withoutProofs(honest: Answer): Answer {
  return createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge: () => proofCodec.encode({ proof: undefined }) })
}

describe('audit', () => {
  it('proves a registered device, and says how', async () => {
    const { chain, relay, sensor, harness, honest, idOf, audit } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    const report = await audit(sensor.deviceId)
    expect(report).toMatchObject({
      verdict: 'registered',
      deviceId: idOf(sensor.deviceId),
      device: { label: 'lightweight', assurance: 'A1', trust: 125, registeredHeight: 3, sponsor: idOf(relay.deviceId) },
      pending: false,
      answeredBy: 'A',
      failure: undefined,
      tip: { height: chain.tip.node.height },
    })
    expect(report.asOf).toEqual(harness.network.settled)
    expect(report.proofBytes).toBeGreaterThan(100)
    expect(report.checked).toEqual([
      expect.stringContaining('genesis'),
      '8 headers verified: links, times, work and seals.',
      '2 of 3 keepers sealed on top of the settled block.',
      `A state proof of ${report.proofBytes} bytes leads to the settled block's state root.`,
      'The record belongs to exactly this device ID.',
      expect.stringContaining('Trust is counted'),
    ])
    const asDid = await harness.finish({ call: 'audit', text: ` ${formatDid(chain.networkId, sensor.deviceId)}\n` })
    expect(asDid.verdict).toBe('registered')
  })

  it('proves that an ID is not in the ledger, and that a device is retired', async () => {
    const { chain, sensor, harness, honest, audit } = await scene()
    await retire(chain, sensor)
    await chain.mineMany(5)
    harness.clock.set(chain.tip.block.header.time)
    await harness.open()
    await harness.connect('A', honest)
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'retired', device: { label: 'lightweight' } })
    const made = await audit(new Uint8Array(32).fill(9))
    expect(made).toMatchObject({ verdict: 'not-in-ledger', device: undefined, pending: false, failure: undefined })
    expect(made.checked.at(-1)).toContain('nothing is stored')
  })

  it('shows a device of the newest block as pending', async () => {
    const { chain, relay, harness, honest, audit } = await scene()
    const late = await registerByVoucher(chain, await makeVoucher(chain, relay, { name: 'late' }), {
      wallet: namedSigner('late'),
      endorsers: [relay],
    })
    await chain.mine()
    await harness.open()
    await harness.connect('A', honest)
    expect(await audit(late.deviceId)).toMatchObject({ verdict: 'not-in-ledger', pending: true })
  })

  it('tells malformed text, unknown networks and other joined networks apart', async () => {
    const { chain, sensor, harness, honest } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    expect(await harness.finish({ call: 'audit', text: 'LARES1NONSENSE' })).toMatchObject({ verdict: 'malformed' })
    const foreign = new ChainBuilder({ name: 'foreign' })
    const text = formatDeviceId(foreign.networkId, sensor.deviceId)
    expect(await harness.finish({ call: 'audit', text })).toMatchObject({ verdict: 'unknown-network', asOf: undefined })
    const other = new ClientHarness({ chain: foreign })
    await harness.call({ call: 'add-network', link: other.link() })
    const report = await harness.finish({ call: 'audit', text })
    expect(report).toMatchObject({ verdict: 'cannot-say', failure: { code: 'other-network' } })
    expect(report.sentence).toContain('“Test”')
    expect(harness.networkId).toBe(harness.network.networkId)
    expect(chain.networkId).not.toEqual(foreign.networkId)
  })

  it('says that it cannot say: offline, asleep, no proof', async () => {
    const { chain, sensor, harness, honest, audit } = await scene()
    await harness.open()
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'cannot-say', failure: { code: 'connecting' } })
    await harness.connect('A', withoutProofs(honest))
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'cannot-say', failure: { code: 'no-answer' } })
    expect(harness.penalties).toEqual([])
    harness.replace('A', honest)
    await harness.clock.advance(3_600_000)
    await harness.idle()
    expect(harness.network.phase).toBe('asleep')
    expect(harness.incidents).toContain('asleep')
    expect(harness.incidents).not.toContain('server-lied')
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'cannot-say', failure: { code: 'asleep' } })
    await harness.disconnect('A')
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'cannot-say', failure: { code: 'offline' } })
    expect(harness.incidents[0]).toBe('server-lost')
    expect(chain.tip.node.id).toBe(harness.network.tip?.hash)
  })

  it('asks another server when one has no proof or lies, and keeps the wrong proof', async () => {
    const { sensor, harness, honest, audit } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    const liar = createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge: (bytes) => alterByte(bytes, 40) })
    harness.replace('A', liar)
    await harness.connect('B', honest)
    // The one that answered last is asked first: make that the liar.
    harness.client?.servers.remove('B')
    await harness.connect('B', honest)
    const report = await audit(sensor.deviceId)
    expect(report).toMatchObject({ verdict: 'registered', answeredBy: 'B' })
    expect(harness.penalties).toContainEqual({ peerId: 'A', points: 100, code: 'wrong-proof' })
    expect(harness.network.incidents.find(({ code }) => code === 'server-lied')).toMatchObject({ severity: 'alarm' })
    const kept = await harness.store.readIncidents(harness.networkId)
    expect(kept.find(({ code }) => code === 'server-lied')?.evidence?.length).toBeGreaterThan(100)
  })
})

describe('a lie of the only server', () => {
  const addresses = ['/ip4/10.0.0.1/udp/1/webrtc-direct/p2p/A', '/ip4/10.0.0.1/udp/2/webrtc-direct/p2p/B']
  const forge = (bytes: Uint8Array) => alterByte(bytes, 40)

  it('sends the question on to a server that the link names and that comes now', async () => {
    const { sensor, harness, honest, idOf } = await scene()
    await harness.open(undefined, addresses)
    await harness.connect('A', createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge }))
    const report = harness.call({ call: 'audit', text: idOf(sensor.deviceId) })
    await harness.idle()
    await harness.disconnect('A')
    await harness.clock.advance(1_000)
    await harness.connect('B', honest)
    expect(await report).toMatchObject({ verdict: 'registered', answeredBy: 'B' })
    expect(harness.incidents).toContain('server-lied')
  })

  it('is answered when the connection ends under the question, or a moment before, and is back', async () => {
    const { sensor, harness, honest, idOf } = await scene()
    await harness.open()
    await harness.connect('A', async (protocol, request) =>
      protocol === PROTOCOLS.proof.id ? 'reject' : await honest(protocol, request),
    )
    const under = harness.call({ call: 'audit', text: idOf(sensor.deviceId) })
    await harness.idle()
    await harness.disconnect('A')
    await harness.clock.advance(1_000)
    await harness.connect('A', honest)
    expect(await under).toMatchObject({ verdict: 'registered', answeredBy: 'A' })

    await harness.disconnect('A')
    const before = harness.call({ call: 'audit', text: idOf(sensor.deviceId) })
    await harness.clock.advance(1_000)
    await harness.connect('A', honest)
    expect(await before).toMatchObject({ verdict: 'registered' })
    expect(harness.incidents).not.toContain('server-lied')
  })

  it('ends in no verdict when no other comes', async () => {
    const { sensor, harness, honest, audit } = await scene()
    await harness.open(undefined, addresses)
    await harness.connect('A', createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge }))
    expect(await audit(sensor.deviceId)).toMatchObject({ verdict: 'cannot-say', failure: { code: 'only-lies' } })
  })
})

describe('a lying full node gets no verdict', () => {
  it('with any byte of a proof altered: present and absent', async () => {
    const { sensor, harness, honest, idOf } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    for (const deviceId of [sensor.deviceId, new Uint8Array(32).fill(9)]) {
      const honestReport = await harness.finish({ call: 'audit', text: idOf(deviceId) })
      expect(honestReport.failure).toBeUndefined()
      const length = honestReport.proofBytes as number
      for (let position = 0; position < length; position++) {
        for (const mask of [0x01, 0x80]) {
          const forge = (bytes: Uint8Array) => (bytes.length === length ? alterByte(bytes, position, mask) : bytes)
          harness.replace('A', createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge }))
          const report = await harness.call({ call: 'audit', text: idOf(deviceId) })
          expect(report.verdict, `byte ${position}`).toBe('cannot-say')
        }
      }
      harness.replace('A', honest)
      expect((await harness.call({ call: 'audit', text: idOf(deviceId) })).verdict).toBe(honestReport.verdict)
    }
  }, 60_000)

  it('with the proof of another device, or under another header', async () => {
    const { chain, relay, sensor, harness, honest, audit } = await scene()
    await harness.open()
    await harness.connect('A', honest)
    const forgeries = [
      () => proofCodec.encode({ proof: chain.at(6).tree.prove(deviceKey(relay.deviceId)) }),
      () => proofCodec.encode({ proof: chain.at(1).tree.prove(deviceKey(sensor.deviceId)) }),
      () => new Uint8Array(0),
      () => new Uint8Array(90_000),
    ]
    for (const forge of forgeries) {
      harness.replace('A', createLyingNode(honest, { protocol: PROTOCOLS.proof.id, forge }))
      expect((await audit(sensor.deviceId)).verdict).toBe('cannot-say')
    }
  })

  it('with any byte of a header answer altered: the headers before it at most', async () => {
    const { chain, honest } = await scene()
    const requestless = new ClientHarness({ chain })
    await requestless.open()
    let whole = new Uint8Array(0)
    await requestless.connect('A', async (protocol, bytes) => {
      const answer = await honest(protocol, bytes)
      if (protocol === PROTOCOLS.headers.id && answer !== 'reject' && answer.length > whole.length)
        whole = Uint8Array.from(answer)
      return answer
    })
    expect(requestless.network.tip?.height).toBe(8)
    for (let position = 0; position < whole.length; position += 1) {
      // Each position of the first two headers and their seals; then a sample.
      if (position > 2 + 2 * 247 && position % 37 !== 0) continue
      const harness = new ClientHarness({ chain })
      await harness.open()
      // After its one lie it is silent, as a server is that was dropped.
      const forge = (bytes: Uint8Array) => (bytes.length === whole.length ? alterByte(bytes, position) : 'reject')
      await harness.connect('liar', createLyingNode(honest, { protocol: PROTOCOLS.headers.id, forge }))
      const height = harness.network.tip?.height ?? 0
      expect(height, `byte ${position}`).toBeLessThanOrEqual(Math.floor(Math.max(0, position - 2) / 247))
      const offset = (position - 2) % 247
      // A time in the future is held, a header on an unknown one is none of ours: neither is punished.
      if (position >= 2 && offset >= 6 && offset < 44 && harness.incidents.length === 0) continue
      // Newer rules may be true, and who knows them must not be banned for it: the person is told to update.
      const isVersion = position >= 2 && offset < 2
      expect(harness.incidents, `byte ${position}`).toContain(isVersion ? 'new-version' : 'server-lied')
      if (!isVersion) expect(harness.penalties[0]?.peerId).toBe('liar')
    }
  }, 120_000)

  it('with any byte of a checkpoint answer altered: no start, and the next server is asked', async () => {
    const { chain, sensor, honest } = await scene()
    const checkpoint = chain.at(4)
    const first = new ClientHarness({ chain })
    await first.open(checkpoint)
    let whole = new Uint8Array(0)
    await first.connect('A', async (protocol, bytes) => {
      const answer = await honest(protocol, bytes)
      if (protocol === PROTOCOLS.checkpoint.id && answer !== 'reject') whole = Uint8Array.from(answer)
      return answer
    })
    expect(first.network.tip?.height).toBe(8)
    const harness = new ClientHarness({ chain })
    await harness.open(checkpoint)
    for (let position = 0; position < whole.length; position++) {
      const forge = (bytes: Uint8Array) => alterByte(bytes, position)
      await harness.connect(`liar ${position}`, createLyingNode(honest, { protocol: PROTOCOLS.checkpoint.id, forge }))
      expect(harness.network.tip, `byte ${position}`).toBeUndefined()
      await harness.disconnect(`liar ${position}`)
    }
    expect(harness.penalties).toHaveLength(whole.length)
    await harness.connect('honest', honest)
    expect(harness.network.tip?.height).toBe(8)
    const text = formatDeviceId(chain.networkId, sensor.deviceId)
    expect(await harness.finish({ call: 'audit', text })).toMatchObject({ verdict: 'registered' })
  }, 60_000)
})
