/** Limits and rivals for following headers, in a worker as ours is. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { openDB } from 'idb'
import { equalBytes } from '../../../shared/bytes.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import { sha256, sha256d, TAGS, tagged } from '../../../shared/hash.ts'
import { HEADER_LENGTH, hashHeader, SEALED_HEADER_LENGTH, sealedHeaderCodec } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { HISTORY_NODE_LENGTH } from '../../../shared/history/node.ts'
import type { RivalAnswer, RivalName, RivalOrder } from './messages.ts'

const RIVALS: Readonly<Record<RivalName, (order: RivalOrder) => void | Promise<void>>> = {
  hashes: hashesAlone,
  async 'hashes-and-seals'(order) {
    hashesAlone(order)
    await sealsAlone(order)
  },
  'one-by-one': oneByOne,
}

addEventListener('message', async ({ data }: MessageEvent<RivalOrder>) => {
  const start = performance.now()
  try {
    await RIVALS[data.rival](data)
    postMessage({ rate: data.count / ((performance.now() - start) / 1_000) } satisfies RivalAnswer)
  } catch (error) {
    postMessage({ error: String(error) } satisfies RivalAnswer)
  }
})

function sealedAt({ chain }: RivalOrder, index: number): Uint8Array {
  return chain.items.subarray(index * chain.itemLength, index * chain.itemLength + SEALED_HEADER_LENGTH)
}

/**
 * For each header its SHA-256d; the leaf of the history and the nodes it completes; the nodes over all peaks and the root
 * that the next header must commit to. Of the right lengths and number, on bytes that lie ready.
 */
function hashesAlone(order: RivalOrder): void {
  const leaf = tagged(TAGS.historyLeaf, new Uint8Array(32), new Uint8Array(22))
  const node = tagged(TAGS.historyNode, new Uint8Array(HISTORY_NODE_LENGTH), new Uint8Array(HISTORY_NODE_LENGTH))
  const root = tagged(TAGS.historyRoot, new Uint8Array(4), new Uint8Array(HISTORY_NODE_LENGTH))
  for (let index = 0; index < order.count; index++) {
    sha256d(sealedAt(order, index).subarray(0, HEADER_LENGTH))
    sha256(leaf)
    // Genesis is the first leaf: this one makes it index + 2.
    const before = index + 1
    for (let rest = before; rest % 2 === 1; rest = (rest - 1) / 2) sha256(node)
    for (let peaks = bitsOf(before + 1); peaks > 1; peaks--) sha256(node)
    sha256(root)
  }
}

function bitsOf(count: number): number {
  let bits = 0
  for (let rest = count; rest > 0; rest &= rest - 1) bits++
  return bits
}

/** As many at once as the product has under way. */
const SEALS_AT_ONCE = 256

async function sealsAlone(order: RivalOrder): Promise<void> {
  const { chain, count } = order
  const key = await crypto.subtle.importKey('raw', new Uint8Array(chain.sealingKey), 'Ed25519', false, ['verify'])
  for (let start = 0; start < count; start += SEALS_AT_ONCE) {
    const verdicts = await Promise.all(
      Array.from({ length: Math.min(SEALS_AT_ONCE, count - start) }, (_, offset) => {
        const index = start + offset
        const hash = chain.hashes.subarray((index + 1) * 32, (index + 2) * 32)
        const message = new Uint8Array(sealMessage(chain.networkId, hash))
        return crypto.subtle.verify(
          'Ed25519',
          key,
          new Uint8Array(sealedAt(order, index).subarray(HEADER_LENGTH)),
          message,
        )
      }),
    )
    if (!verdicts.every(Boolean)) throw new Error('a seal does not hold')
  }
}

async function oneByOne(order: RivalOrder): Promise<void> {
  const { chain, count } = order
  const database = await openDB(`one by one ${performance.now()}`, 1, {
    upgrade: (opened) => void opened.createObjectStore('headers'),
  })
  let parent = chain.hashes.subarray(0, 32)
  for (let index = 0; index < count; index++) {
    const bytes = sealedAt(order, index)
    const sealed = sealedHeaderCodec.decode(bytes)
    if (!sealed.ok) throw new Error(sealed.detail)
    const { header, seal } = sealed.value
    const hash = hashHeader(header)
    const target = expandTarget(header.target)
    if (!equalBytes(header.previousHash, parent) || target === undefined || !meetsTarget(hash, target))
      throw new Error(`header ${header.height} does not hold`)
    if (!ed25519.verify(seal, sealMessage(chain.networkId, hash), chain.sealingKey, { zip215: false }))
      throw new Error('a seal does not hold')
    await database.put('headers', bytes.slice(), header.height)
    parent = hash
  }
  database.close()
}
