/** The process behind `startLyingRelay`. */
import type { RelayNetwork } from '../../node-relay/network/relay-network.ts'
import { concatBytes, toHex } from '../../shared/bytes.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { SEALED_HEADER_LENGTH } from '../../shared/header/header.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { MAX_GOSSIP_HEADER_LENGTH, PROTOCOLS, topicsOf } from '../../shared/protocol/ids.ts'
import {
  headerItemCodec,
  headersCodec,
  headersRequestCodec,
  proofCodec,
  proofRequestCodec,
} from '../../shared/protocol/messages.ts'
import { admitKeeper, foundRelay, makeVoucher, registerByOwner, registerByVoucher, retire } from './chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from './chain-builder.ts'
import { type Answer, createHonestNode } from './honest-node.ts'
import { alterByte, createLyingNode, type Lie } from './lying-full-node.ts'
import type { Attack, ChainState, Door, Facts, LyingRelayInit, RelayLie, ToLyingRelay } from './lying-relay.ts'
import { addressOf, startRelayNetwork } from './network.ts'

const init = JSON.parse(process.argv[2] ?? '{}') as LyingRelayInit
process.on('disconnect', () => process.exit())

const BLOCK_MS = 1_000
/** The old part of the chain ended so long ago that a phone which gets no further calls it asleep. */
const OLD_MS = 600_000
/** Headers gossiped at once, and the pause between, so that a phone can keep up. */
const GOSSIP_RUN = 16
const GOSSIP_PAUSE_MS = 60

const chain = new ChainBuilder({
  keepers: init.scene === 'three' ? 3 : 1,
  createdAt: Date.now() - OLD_MS,
  name: `lying ${init.scene}`,
})
const relay = await foundRelay(chain)
const sensor = await registerByVoucher(chain, await makeVoucher(chain, relay), {
  wallet: namedSigner('sensor'),
  endorsers: [relay],
})
const gone = await registerByVoucher(chain, await makeVoucher(chain, relay, { name: 'gone' }), {
  wallet: namedSigner('gone'),
  endorsers: [relay],
})
await chain.mine()
await retire(chain, gone)
const second = await registerByOwner(chain, {
  wallet: namedSigner('second relay'),
  label: LABEL.full,
  endorsers: [relay],
})
await chain.mine()
let admission: BuiltBlock | undefined
if (init.scene === 'home') {
  await admitKeeper(chain, second, namedSigner('second sealing'))
  admission = await chain.mine()
}
await chain.mineMany(6)
const checkpoint = chain.tip
const oldTop = checkpoint.node.height
// The present begins with enough blocks that all of the old part is settled.
for (let back = 6; back > 0; back--) await chain.mine({ time: Date.now() - back * BLOCK_MS })

const topic = topicsOf(chain.networkId).headers
const honest = createHonestNode({ chain, coordinator: relay, now: Date.now })
const doors: { readonly network: RelayNetwork; readonly lie: RelayLie | undefined }[] = []
/** The honest chain's tip, while another is shown. */
let hidden: BuiltBlock | undefined
let paused = false
let attack: BuiltBlock[] = []
let attackAnswers = 0

/** The byte of a lie at its place within a longer text. */
function alterWithin(bytes: Uint8Array, { fraction, mask }: RelayLie, start: number, end = bytes.length): Uint8Array {
  return alterByte(bytes, start + Math.floor(fraction * (end - start)), mask)
}

/** Length of the header that comes before the seal. */
const SEAL_START = SEALED_HEADER_LENGTH - 64

function alterItem(item: HeaderItem, lie: RelayLie): Uint8Array {
  const bytes = headerItemCodec.encode(item)
  if (lie.place === 'roster-change') return alterWithin(bytes, lie, SEALED_HEADER_LENGTH)
  if (lie.place === 'seal') return alterWithin(bytes, lie, SEAL_START, SEALED_HEADER_LENGTH)
  return alterWithin(bytes, lie, 0, SEAL_START)
}

/** Which old block is altered: the roster change stands in one; the second is below all that a verdict could rest on. */
const liedAt = (lie: RelayLie) => (lie.place === 'roster-change' ? admission?.node.height : 2)

function alterHeaders(answer: Uint8Array, lie: RelayLie): Uint8Array {
  const decoded = headersCodec.decode(answer)
  if (!decoded.ok) throw new Error(decoded.detail)
  const items = decoded.value.items.map((item) =>
    item.sealed.header.height === liedAt(lie) ? alterItem(item, lie) : headerItemCodec.encode(item),
  )
  return concatBytes(answer.subarray(0, 2), ...items)
}

function alterProof(answer: Uint8Array, request: Uint8Array, lie: RelayLie): Uint8Array {
  const asked = proofRequestCodec.decode(request)
  const decoded = proofCodec.decode(answer)
  if (!asked.ok || !decoded.ok || decoded.value.proof === undefined) return answer
  const { terminal } = decoded.value.proof
  // The value ends the proof; where it is absent, all is proof.
  const valueLength = terminal.TAG === 'present' ? terminal.data.value.length : 0
  const recordStart = answer.length - valueLength
  if (lie.place === 'record') {
    const isDevice = [sensor, gone].some(({ deviceId }) => toHex(deviceKey(deviceId)) === toHex(asked.value.key))
    return isDevice ? alterWithin(answer, lie, recordStart) : answer
  }
  return alterWithin(answer, lie, 0, recordStart)
}

function lieOf(lie: RelayLie): Lie[] {
  switch (lie.place) {
    case 'header':
    case 'seal':
    case 'roster-change':
      return [{ protocol: PROTOCOLS.headers.id, forge: (bytes) => alterHeaders(bytes, lie) }]
    case 'checkpoint':
      return [{ protocol: PROTOCOLS.checkpoint.id, forge: (bytes) => alterWithin(bytes, lie, 0) }]
    case 'state-proof':
    case 'record':
      return [{ protocol: PROTOCOLS.proof.id, forge: (bytes, request) => alterProof(bytes, request, lie) }]
    case 'gossip':
      return []
  }
}

/** While the attack is the best chain: a minority keeper has the honest chain, too, and shows of each what serves it. */
const asAttacker: Answer = (protocol, request) => {
  if (hidden === undefined) return honest(protocol, request)
  if (protocol === PROTOCOLS.checkpoint.id) {
    const shown = chain.tip
    chain.tip = hidden
    // The answer is made before the first await.
    const answer = honest(protocol, request)
    chain.tip = shown
    return answer
  }
  const asked = protocol === PROTOCOLS.headers.id ? headersRequestCodec.decode(request) : undefined
  if (asked?.ok !== true) return honest(protocol, request)
  attackAnswers++
  return honest(protocol, request).then((answer) => {
    const decoded = answer === 'reject' ? undefined : headersCodec.decode(answer)
    if (decoded?.ok === true && decoded.value.items.length > 0) return answer
    const items = attack.slice(0, asked.value.count).map(({ item }) => item)
    return headersCodec.encode({ items })
  })
}

async function open(lie: RelayLie | undefined): Promise<Door> {
  const network = await startRelayNetwork()
  const answer = createLyingNode(asAttacker, ...(lie === undefined ? [] : lieOf(lie)))
  for (const spec of Object.values(PROTOCOLS))
    await network.handle(spec, async (_from, request) => answer(spec.id, request))
  network.subscribe(topic, MAX_GOSSIP_HEADER_LENGTH, async () => 'ignore')
  doors.push({ network, lie })
  return { address: addressOf(network.addresses(), 'webrtc-direct'), peerId: network.peerId }
}

/** A header to all doors; one that lies in gossip alters it, after what tells whose business it is. */
async function publish(item: HeaderItem): Promise<void> {
  const bytes = headerItemCodec.encode(item)
  const sent = doors.map(({ network, lie }) =>
    network.publish(topic, lie?.place === 'gossip' ? alterWithin(bytes, lie, 76, SEALED_HEADER_LENGTH) : bytes),
  )
  await Promise.allSettled(sent)
}

async function grow(): Promise<void> {
  if (!paused) await publish((await chain.mine({ time: Date.now() })).item)
}

/** One keeper's branch from below settled, as heavy as it likes: a header a millisecond, so that the target falls. */
async function buildAttack(times: number): Promise<Attack> {
  const start = chain.at(Math.max(3, chain.tip.node.height - 20))
  const forkWork = start.node.work
  const blocks: BuiltBlock[] = []
  let block = start
  while (block.node.work - forkWork < (chain.tip.node.work - forkWork) * BigInt(times)) {
    block = await chain.mine({ on: block, seat: 0, time: block.block.header.time + 1, transactions: [] })
    blocks.push(block)
    // The honest chain grows on.
    await new Promise((resolve) => setImmediate(resolve))
  }
  attack = blocks
  return {
    forkHeight: start.node.height,
    hashes: blocks.map(({ node }) => node.id),
    work: String(block.node.work - forkWork),
    workLeft: String(chain.tip.node.work - forkWork),
  }
}

async function offer(way: 'gossip' | 'answers'): Promise<void> {
  paused = true
  if (way === 'answers') {
    hidden = chain.tip
    chain.tip = attack.at(-1) as BuiltBlock
    return
  }
  for (let i = 0; i < attack.length; i += GOSSIP_RUN) {
    for (const { item } of attack.slice(i, i + GOSSIP_RUN)) await publish(item)
    await new Promise((resolve) => setTimeout(resolve, GOSSIP_PAUSE_MS))
  }
}

function withdraw(): void {
  if (hidden !== undefined) chain.tip = hidden
  hidden = undefined
  paused = false
}

function stateOf(): ChainState {
  const top = hidden ?? chain.tip
  const blocks: BuiltBlock[] = []
  for (let block: BuiltBlock | undefined = top; block !== undefined; block = block.parent) blocks.push(block)
  blocks.reverse()
  // Seats seal in turn, so as many blocks as there are seats lie above what all of them have settled.
  const settled = blocks[top.node.height - Math.max(chain.parameters.settleDepth, 3)] as BuiltBlock
  const place = ({ node }: BuiltBlock) => ({ height: node.height, hash: node.id })
  return {
    tip: place(top),
    settled: place(settled),
    hashes: blocks.map(({ node }) => node.id),
    attackAnswers,
  }
}

async function perform(message: ToLyingRelay): Promise<unknown> {
  switch (message.kind) {
    case 'open':
      return open(message.lie)
    case 'state':
      return stateOf()
    case 'build-attack':
      return buildAttack(message.times)
    case 'offer':
      return offer(message.way)
    case 'withdraw':
      return withdraw()
  }
}

process.on('message', (message: ToLyingRelay & { id: number }) => {
  perform(message).then(
    (value) => process.send?.({ id: message.id, value }),
    (error: Error) => process.send?.({ id: message.id, error: error.stack ?? error.message }),
  )
})

let growing = Promise.resolve()
setInterval(() => {
  growing = growing.then(grow)
}, BLOCK_MS)

const textOf = (deviceId: Uint8Array) => formatDeviceId(chain.networkId, deviceId)
process.send?.({
  id: 0,
  value: {
    networkId: toHex(chain.networkId),
    checkpoint: { height: oldTop, hash: checkpoint.node.id },
    registered: textOf(sensor.deviceId),
    retired: textOf(gone.deviceId),
    madeUp: textOf(new Uint8Array(32).fill(9)),
  } satisfies Facts,
})
