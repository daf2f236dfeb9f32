import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { RelayFacade } from '../../../node-relay/facade.ts'
import { createIncidentLog, MAX_INCIDENTS } from '../../../node-relay/full-node/incidents.ts'
import { createFacade, joinAddresses } from '../../../node-relay/full-node/relay-facade.ts'
import { UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { toHex } from '../../../shared/bytes.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { verifyBundle } from '../../../shared/proof/bundle.ts'
import { parseJoinLink } from '../../../shared/protocol/join-link.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import {
  FAKE_EVIDENCE,
  FAKE_FLEET,
  FAKE_FULL,
  FAKE_PAIRING,
  FAKE_POLICY,
  FAKE_RECOVERY,
  FAKE_ROSTER,
  FAKE_SMALL_DEVICES,
  FAKE_WALLET,
} from '../../framework/fake-relay.ts'
import { createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

let builder: ChainBuilder
let full: OpenChain
let relay: TestDevice
let phone: TestDevice
let network: FakeNetwork
let facade: RelayFacade

const textOf = (deviceId: Uint8Array, networkId = builder.networkId) => formatDeviceId(networkId, deviceId)

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  phone = await registerByVoucher(builder, await makeVoucher(builder, relay), {
    wallet: namedSigner('phone'),
    endorsers: [relay],
  })
  await builder.mineMany(3)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  network = createFakeNetwork()
  const { chain, store, reader, clock } = full
  const incidents = createIncidentLog(
    () => clock.now,
    () => {},
  )
  for (let i = 0; i <= MAX_INCIDENTS; i++) incidents.report(`code-${i}`, 'Something.')
  facade = createFacade({
    chain,
    store,
    reader,
    network,
    incidents,
    deviceId: relay.deviceId,
    roles: ['full', 'coordination'],
    name: 'home',
    version: '0.1.0',
    startedAt: 5,
    mining: () => ({ state: 'stopped', sentence: 'Mining is switched off.', hashesPerSecond: 0, share: 0 }),
    profile: () => UNKNOWN_PROFILE,
    peers: { rows: () => [], out: () => [] },
    keepers: () => [],
    pendingTransactions: () => 2,
    devices: () => 2,
    smallDevices: FAKE_SMALL_DEVICES,
    fleet: FAKE_FLEET,
    confirmClock: () => {},
    recovery: FAKE_RECOVERY,
    roster: FAKE_ROSTER,
    wallet: FAKE_WALLET,
    full: FAKE_FULL,
    pairing: FAKE_PAIRING,
    policy: FAKE_POLICY,
    evidence: FAKE_EVIDENCE,
    backup: () => Promise.reject(new Error('not asked for')),
    submit: async (bytes) => (bytes.length === 1 ? accept({ transactionId: bytes }) : reject('malformed', 'no')),
  })
})
afterEach(closeAll)

describe('facade', () => {
  it('says which label this machine fits by the policy of the tip', () => {
    const { label, reasons } = facade.labelDecision()
    expect(label).toBe(LABEL.lightweight)
    expect(reasons.find(({ requirement }) => requirement === 'storage')).toMatchObject({
      have: 0,
      need: DEFAULT_POLICY.label.fullStorageMiB,
    })
  })

  it('says where the relay stands', () => {
    const { node } = full.chain.graph.settled
    expect(facade.status()).toMatchObject({
      networkId: toHex(builder.networkId),
      deviceId: textOf(relay.deviceId),
      tip: { height: 5, hash: builder.tip.node.id },
      settled: { height: node.height, keepersSeen: 1, keepers: 1 },
      work: builder.tip.node.work.toString(),
      pendingTransactions: 2,
    })
    expect(facade.status().incidents).toHaveLength(MAX_INCIDENTS)
    expect(facade.status().incidents[0]?.code).toBe(`code-${MAX_INCIDENTS}`)
  })

  it('gives a join link with the settled checkpoint and what a browser can dial, best first', () => {
    network.own = [
      '/ip4/127.0.0.1/udp/1/webrtc-direct/certhash/x',
      '/ip4/192.168.1.2/tcp/2/ws',
      '/ip4/192.168.1.2/tcp/3',
      '/ip4/192.168.1.2/udp/1/webrtc-direct/certhash/x',
    ]
    const { link, addresses, checkpoint } = facade.join()
    const parsed = parseJoinLink(link)
    if (!parsed.ok) throw new Error(parsed.detail)
    expect(addresses).toEqual([network.own[3], network.own[1], network.own[0]])
    expect(parsed.value.link).toMatchObject({ networkId: builder.networkId, addresses, name: 'home' })
    expect(toHex(parsed.value.link.checkpoint.hash)).toBe(checkpoint.hash)
    expect(checkpoint.height).toBe(full.chain.graph.settled.node.height)
    expect(joinAddresses([])).toEqual([])
  })

  it('answers for registered, retired, absent and pending devices with a bundle that verifies', async () => {
    const absent = new Uint8Array(32).fill(9)
    const late = await registerByVoucher(builder, await makeVoucher(builder, relay, { name: 'late' }), {
      wallet: namedSigner('late'),
      endorsers: [relay],
    })
    await full.feed(await builder.mine())
    for (const [deviceId, state, pending] of [
      [phone.deviceId, 'registered', false],
      [late.deviceId, 'not-in-ledger', true],
      [absent, 'not-in-ledger', false],
    ] as const) {
      const answer = await facade.device(textOf(deviceId))
      if (!answer.ok) throw new Error(answer.code)
      expect(answer.value).toMatchObject({ deviceId: textOf(deviceId), state, pending })
      expect(await verifyBundle(answer.value.bundle, builder.networkId, createNodeVerifier(), deviceId)).toMatchObject({
        ok: true,
        value: { state },
      })
    }
    await retire(builder, phone)
    await builder.mineMany(3)
    await full.feed(...builder.from(7))
    expect(await facade.device(textOf(phone.deviceId))).toMatchObject({
      ok: true,
      value: {
        state: 'retired',
        record: { status: 'retired', sponsor: textOf(relay.deviceId), assurance: 'A1', label: 'lightweight' },
      },
    })
    expect(await facade.device(textOf(late.deviceId))).toMatchObject({
      ok: true,
      value: { state: 'registered', pending: false },
    })
  })

  it('refuses an ID that is none, or of another network', async () => {
    expect(await facade.device('hello')).toMatchObject({ code: 'malformed-id' })
    const id = textOf(phone.deviceId)
    expect(await facade.device(`${id.slice(0, -1)}${id.endsWith('Q') ? 'P' : 'Q'}`)).toMatchObject({
      code: 'malformed-id',
    })
    expect(await facade.device(textOf(phone.deviceId, new Uint8Array(32).fill(1)))).toMatchObject({
      code: 'unknown-network',
    })
  })

  it('gives blocks from a height on, and devices page by page', () => {
    expect(facade.blocks(2, 2).map(({ height, bytes }) => [height, toHex(bytes)])).toEqual(
      [2, 3].map((height) => [height, toHex(blockCodec.encode(builder.at(height).block))]),
    )
    expect(facade.blocks(0, 100)).toHaveLength(6)
    expect(facade.blocks(6, 10)).toEqual([])
    const all = facade.devices(undefined, 10)
    expect(all.map(({ deviceId }) => deviceId).sort()).toEqual([textOf(relay.deviceId), textOf(phone.deviceId)].sort())
    expect(facade.devices(undefined, 1)).toEqual(all.slice(0, 1))
    expect(facade.devices(all[0]?.deviceId, 10)).toEqual(all.slice(1))
    expect(facade.devices(all[1]?.deviceId, 10)).toEqual([])
  })

  it('passes transactions on', async () => {
    expect(await facade.submit(Uint8Array.of(7))).toEqual({ ok: true, value: { transactionId: '07' } })
    expect(await facade.submit(Uint8Array.of(7, 7))).toMatchObject({ code: 'malformed' })
  })
})
