/** Several browser-like hosts in one process: the page's own network code on Node's WebRTC. Started by `spawnLightHosts`. */
import { createBrowserNetwork } from '../../web/network/browser-network.ts'
import { type FromHosts, type HostsProcessInit, TEST_TOPIC, TEST_TOPIC_SIZE, type ToHosts } from './network-messages.ts'

const init = JSON.parse(process.argv[2] ?? '{}') as HostsProcessInit
const send = (message: FromHosts) => process.send?.(message)

process.on('disconnect', () => process.exit())
const networks = await Promise.all(
  Array.from({ length: init.hosts }, async (_, host) => {
    const network = await createBrowserNetwork()
    network.subscribe(TEST_TOPIC, TEST_TOPIC_SIZE, async (_from, bytes) => {
      send({ kind: 'gossip', host, text: new TextDecoder().decode(bytes) })
      return 'accept'
    })
    network.on('disconnected', ({ peerId }) => send({ kind: 'lost', host, peerId }))
    await network.dial(init.relay)
    return network
  }),
)
process.on('message', ({ host, text }: ToHosts) => {
  void networks[host]?.publish(TEST_TOPIC, new TextEncoder().encode(text))
})
send({ kind: 'ready' })
