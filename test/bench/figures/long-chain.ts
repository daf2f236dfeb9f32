import { createPrivateKey, sign } from 'node:crypto'
import { nativeSha256 } from '../../../node-relay/crypto/native-hash.ts'
import { transactionRoot } from '../../../shared/block/transaction-tree.ts'
import { asciiBytes, concatBytes } from '../../../shared/bytes.ts'
import { type ChainNode, extendChain } from '../../../shared/chain/chain-node.ts'
import { nextTarget } from '../../../shared/chain/difficulty.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import { type Header, headerCodec } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { formatJoinLink } from '../../../shared/protocol/join-link.ts'
import { checkpointRequestCodec, headerItemCodec, statusRequestCodec } from '../../../shared/protocol/messages.ts'
import { rosterRoot } from '../../../shared/roster/roster.ts'
import { type BuiltBlock, ChainBuilder, GENESIS } from '../../framework/chain-builder.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

/** A chain as a server would give it, in parts that a page can answer from. */
export interface LongChain {
  readonly link: string
  readonly networkId: Uint8Array
  /** Answers to `status` and `checkpoint` requests. */
  readonly status: Uint8Array
  readonly checkpoint: Uint8Array
  /** Hash of each header from genesis on, 32 bytes each. */
  readonly hashes: Uint8Array
  /** Encoded header items above genesis, end to end; all of one length, since no roster changes. */
  readonly items: Uint8Array
  readonly itemLength: number
  readonly sealingKey: Uint8Array
}

/** Headers without transactions, one keeper, real work at the easiest target, real seals; the newest is of now. */
export async function buildLongChain(count: number): Promise<LongChain> {
  const spacing = 1_000
  const builder = new ChainBuilder({ name: 'long', createdAt: Date.now() - (count + 10) * spacing })
  const { rules, first } = builder
  const transactions = transactionRoot([])
  const seal = nativeSigner(nativeSha256(asciiBytes('long keeper 0')))
  const items: Uint8Array[] = []
  const hashes: Uint8Array[] = [first.node.hash]
  let node: ChainNode = first.node
  for (let index = 0; index < count; index++) {
    const parent = node.sealed.header
    const header: Header = {
      ...parent,
      height: parent.height + 1,
      time: parent.time + spacing,
      previousHash: node.hash,
      transactionRoot: transactions,
      historyRoot: node.historyRoot,
      rosterRoot: rosterRoot(node.roster),
      target: nextTarget(builder.parameters, parent, node.previous),
      seat: 0,
      nonce: 0,
    }
    const hash = search(header)
    const item = { sealed: { header, seal: seal(sealMessage(builder.networkId, hash)) }, rosterChanges: [] }
    const extended = extendChain(node, item, rules)
    if (!extended.ok) throw new Error(extended.detail)
    node = extended.value.node
    items.push(headerItemCodec.encode(item))
    hashes.push(hash)
  }
  const tip: BuiltBlock = { ...first, node, item: node, block: { ...node.sealed, transactions: [] } }
  builder.tip = tip
  const answer = createHonestNode({ chain: builder, now: Date.now })
  const [status, checkpoint] = await Promise.all([
    answer(PROTOCOLS.status.id, statusRequestCodec.encode({ networkId: builder.networkId })),
    firstAnswer(builder),
  ])
  if (!(status instanceof Uint8Array)) throw new Error('the honest node refuses')
  return {
    link: formatJoinLink({
      version: 1,
      networkId: builder.networkId,
      checkpoint: { height: 0, hash: first.node.hash },
      addresses: [],
      name: 'Long',
    }),
    networkId: builder.networkId,
    status,
    checkpoint,
    hashes: concatBytes(...hashes),
    items: concatBytes(...items),
    itemLength: items[0]?.length ?? 0,
    sealingKey: builder.keeper(0).publicKey,
  }
}

/** The start, asked of a chain that has nothing on it yet: the honest node looks for it from the tip down. */
async function firstAnswer(builder: ChainBuilder): Promise<Uint8Array> {
  const { tip } = builder
  builder.tip = builder.first
  const request = checkpointRequestCodec.encode({ networkId: builder.networkId, hash: GENESIS })
  const answer = await createHonestNode({ chain: builder })(PROTOCOLS.checkpoint.id, request)
  builder.tip = tip
  if (!(answer instanceof Uint8Array)) throw new Error('the honest node refuses')
  return answer
}

function search(header: Header): Uint8Array {
  const target = expandTarget(header.target) as bigint
  const bytes = headerCodec.encode(header)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let nonce = 0; ; nonce++) {
    view.setUint32(bytes.length - 4, nonce)
    const hash = nativeSha256(nativeSha256(bytes))
    if (!meetsTarget(hash, target)) continue
    header.nonce = nonce
    return hash
  }
}

/** Ed25519 by node:crypto: the portable signer would need minutes. PKCS #8 of a seed, RFC 8410 section 7. */
function nativeSigner(seed: Uint8Array): (message: Uint8Array) => Uint8Array {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
  return (message) => new Uint8Array(sign(null, message, key))
}
