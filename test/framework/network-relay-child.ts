/** A relay's network in a process of its own, to be killed at will. Started by `spawnRelayProcess`. */
import { CIRCUIT_LIMITS } from '../../node-relay/network/relay-limits.ts'
import { createNodeKey, createRelayNetwork } from '../../node-relay/network/relay-network.ts'
import { createWebRtcCertificate } from '../../node-relay/network/webrtc-certificate.ts'
import { fromHex } from '../../shared/bytes.ts'
import { shiftCalendar } from './calendar.ts'
import {
  ECHO,
  type FromRelay,
  type RelayProcessInit,
  TEST_TOPIC,
  TEST_TOPIC_SIZE,
  type ToRelay,
} from './network-messages.ts'

const init = JSON.parse(process.argv[2] ?? '{}') as RelayProcessInit
const send = (message: FromRelay) => process.send?.(message)

if (init.daysAhead !== undefined) shiftCalendar(init.daysAhead)

const relay = await createRelayNetwork({
  privateKey: init.privateKey === undefined ? await createNodeKey() : fromHex(init.privateKey),
  webrtcCertificate: init.certificate ?? (await createWebRtcCertificate()),
  hosts: ['127.0.0.1'],
  udpPort: init.udpPort ?? 0,
  wsPort: init.wsPort ?? 0,
  announce: init.announce ?? [],
  ...(init.unlimitedCircuits === true ? { circuitLimits: { ...CIRCUIT_LIMITS, applyDefaultLimit: false } } : {}),
})
await relay.handle(ECHO, async (_from, request) => request)
relay.subscribe(TEST_TOPIC, TEST_TOPIC_SIZE, async (from, bytes) => {
  send({ kind: 'gossip', from, text: new TextDecoder().decode(bytes) })
  return 'accept'
})
process.on('message', ({ text }: ToRelay) => {
  void relay
    .publish(TEST_TOPIC, new TextEncoder().encode(text))
    .then((recipients) => send({ kind: 'published', text, recipients }))
})
process.on('disconnect', () => process.exit())
send({ kind: 'ready', peerId: relay.peerId, addresses: relay.addresses() })
