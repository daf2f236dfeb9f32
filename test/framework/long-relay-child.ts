/** The process behind `startLongRelay`. */
import { MAX_GOSSIP_HEADER_LENGTH, PROTOCOLS, topicsOf } from '../../shared/protocol/ids.ts'
import { formatJoinLink } from '../../shared/protocol/join-link.ts'
import { headerItemCodec, headersCodec } from '../../shared/protocol/messages.ts'
import { formatVoucher } from '../../shared/protocol/voucher-text.ts'
import { foundRelay, makeVoucher } from './chain-actions.ts'
import { ChainBuilder } from './chain-builder.ts'
import { createHonestNode } from './honest-node.ts'
import type { FromLongRelay, LongRelayInit, ToLongRelay } from './long-relay.ts'
import { addressOf, startRelayNetwork } from './network.ts'

const init = JSON.parse(process.argv[2] ?? '{}') as LongRelayInit
process.on('disconnect', () => process.exit())
const send = (message: FromLongRelay) => process.send?.(message)

const BLOCK_MS = 1_000

const chain = new ChainBuilder({ createdAt: Date.now() - init.blocks * BLOCK_MS, name: 'long' })
const relay = await foundRelay(chain)
while (chain.tip.node.height < init.blocks) await chain.mine()

const topic = topicsOf(chain.networkId).headers
const honest = createHonestNode({ chain, coordinator: relay, now: Date.now })
const network = await startRelayNetwork()
for (const spec of Object.values(PROTOCOLS))
  await network.handle(spec, async (_from, request) => {
    const answer = (await honest(spec.id, request)) ?? 'reject'
    if (spec.id !== PROTOCOLS.headers.id || !(answer instanceof Uint8Array)) return answer
    const decoded = headersCodec.decode(answer)
    if (!decoded.ok || decoded.value.items.length <= 1) return answer
    await new Promise((resolve) => setTimeout(resolve, init.answerDelayMs))
    return headersCodec.encode({ items: decoded.value.items.slice(0, init.headersPerAnswer) })
  })
network.subscribe(topic, MAX_GOSSIP_HEADER_LENGTH, async () => 'ignore')

async function grow(): Promise<void> {
  const { item } = await chain.mine({ time: Math.max(Date.now(), chain.tip.block.header.time + 1) })
  // Nobody may be listening.
  await network.publish(topic, headerItemCodec.encode(item)).catch(() => undefined)
}
let growing = Promise.resolve()
setInterval(() => {
  growing = growing.then(grow)
}, BLOCK_MS)

let vouchers = 0
async function voucher(): Promise<string> {
  const secret = await makeVoucher(chain, relay, { name: `voucher ${vouchers++}`, notAfter: Date.now() + 3_600_000 })
  return formatVoucher(secret)
}

process.on('message', async ({ kind, id }: ToLongRelay) => {
  const hashes = () => [chain.first, ...chain.from(1)].map(({ node }) => node.id)
  send({ id, value: kind === 'hashes' ? hashes() : await voucher() })
})

send({
  id: 0,
  value: `#join=${formatJoinLink({
    version: 1,
    networkId: chain.networkId,
    checkpoint: { height: 0, hash: chain.networkId },
    addresses: [addressOf(network.addresses(), 'webrtc-direct')],
    name: 'long',
  })}`,
})
