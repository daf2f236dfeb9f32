import { expect, test } from 'vitest'
import { MAX_LABEL_VALUES } from '../../../node-relay/metrics/bounded-label.ts'
import { createMeter } from '../../../node-relay/metrics/meter.ts'
import { meterNetwork } from '../../../node-relay/metrics/metered-network.ts'
import { LaresError } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import type { GossipValidator, PeerNetwork, RequestHandler } from '../../../shared/protocol/transport.ts'
import { FAKE_STATUS } from '../../framework/fake-relay.ts'

const PEER = '12D3KooWpeerOfTheTest'
const { signal } = new AbortController()

/** A network that keeps what is registered with it. */
function doorOf(answer: () => Promise<Uint8Array>) {
  const handlers = new Map<string, RequestHandler>()
  const validators = new Map<string, GossipValidator>()
  const network: PeerNetwork = {
    peerId: PEER,
    addresses: () => [],
    handle: async (spec, handler) => void handlers.set(spec.id, handler),
    request: answer,
    subscribe: (topic, _size, validate) => void validators.set(topic, validate),
    unsubscribe: () => {},
    publish: async () => 1,
    peers: () => [],
    on: () => () => {},
    dial: () => Promise.reject(new Error('not here')),
    disconnect: async () => {},
    penalise: () => {},
  }
  return { network, handlers, validators }
}

test('heights, peers by transport, hashes and disk are read when asked', async () => {
  const meter = createMeter()
  expect(await meter.text()).toContain('lares_tip_height 0')
  meter.watch({ status: () => FAKE_STATUS, hashes: () => 4_321, storeBytes: async () => 9_876 })
  const text = await meter.text()
  for (const line of [
    'lares_tip_height 12',
    'lares_settled_height 6',
    'lares_keepers_seen 1',
    'lares_mempool_transactions 2',
    'lares_devices 1',
    'lares_mining 1',
    'lares_peers{transport="webrtc-direct"} 1',
    'lares_peers{transport="tcp"} 0',
    'lares_hashes_total 4321',
    'lares_store_bytes 9876',
  ])
    expect(text.split('\n')).toContain(line)
  // Read again, not added up.
  expect(await meter.text()).toContain('lares_hashes_total 4321\n')
})

test('blocks, reorganizations, penalties, incidents, HTTP', async () => {
  const meter = createMeter()
  meter.chainChanged(1, 0)
  meter.chainChanged(3, 2)
  meter.penalty('gossip-rejected', 20, false)
  meter.penalty('gossip-rejected', 20, true)
  meter.incident('reorganization')
  meter.http('/api/v1/devices/:id', 404)
  const lines = (await meter.text()).split('\n')
  for (const line of [
    'lares_blocks_total 4',
    'lares_blocks_undone_total 2',
    'lares_reorganizations_total 1',
    'lares_penalty_points_total{code="gossip-rejected"} 40',
    'lares_bans_total 1',
    'lares_incidents_total{code="reorganization"} 1',
    'lares_http_requests_total{route="/api/v1/devices/:id",status="404"} 1',
  ])
    expect(lines).toContain(line)
})

test('requests both ways and gossip, by outcome, without the network or the peer in a label', async () => {
  const meter = createMeter()
  const { network, handlers, validators } = doorOf(async () => {
    throw new LaresError('timeout', 'no answer')
  })
  const metered = meterNetwork(network, meter)
  await metered.handle(PROTOCOLS.proof, async (_from, bytes) => {
    if (bytes.length > 1) throw new Error('broken')
    return bytes.length === 0 ? 'reject' : bytes
  })
  const handler = handlers.get(PROTOCOLS.proof.id) as RequestHandler
  await handler(PEER, new Uint8Array(1), { signal })
  await handler(PEER, new Uint8Array(1), { signal: AbortSignal.abort() })
  expect(await handler(PEER, new Uint8Array(0), { signal })).toBe('reject')
  await expect(handler(PEER, new Uint8Array(2), { signal })).rejects.toThrow('broken')
  await expect(metered.request(PEER, PROTOCOLS.status, new Uint8Array(0))).rejects.toThrow('no answer')
  metered.subscribe('/lares/0123456789abcdef/headers/1', 10, async () => 'ignore')
  expect(await validators.get('/lares/0123456789abcdef/headers/1')?.(PEER, new Uint8Array(1))).toBe('ignore')
  await metered.publish('/lares/0123456789abcdef/blocks/1', new Uint8Array(1))

  const text = await meter.text()
  const lines = text.split('\n')
  for (const outcome of ['answered', 'late', 'rejected', 'failed'])
    expect(lines).toContain(`lares_requests_total{direction="in",protocol="/lares/proof/1",outcome="${outcome}"} 1`)
  expect(lines).toContain(`lares_requests_total{direction="out",protocol="${PROTOCOLS.status.id}",outcome="timeout"} 1`)
  expect(lines).toContain('lares_request_seconds_count{protocol="/lares/proof/1"} 4')
  expect(lines).toContain('lares_gossip_messages_total{topic="headers",verdict="ignore"} 1')
  expect(lines).toContain('lares_gossip_messages_total{topic="blocks",verdict="published"} 1')
  expect(text).not.toContain(PEER)
  expect(text).not.toContain('0123456789abcdef')
})

test('a label takes a bounded number of values', async () => {
  const meter = createMeter()
  for (let index = 0; index < 1_000; index++) meter.incident(`code-${index}`)
  meter.incident('x'.repeat(10_000))
  const series = (await meter.text()).split('\n').filter((line) => line.startsWith('lares_incidents_total{'))
  expect(series).toHaveLength(MAX_LABEL_VALUES + 1)
  expect(series).toContain(`lares_incidents_total{code="other"} ${1_001 - MAX_LABEL_VALUES}`)
})
