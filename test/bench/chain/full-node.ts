import { createCachingVerifier } from '../../../node-relay/crypto/caching-verifier.ts'
import { createPoolVerifier } from '../../../node-relay/crypto/pool-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { type Block, blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'

/** Chain, database and verifier as a relay has them. */
export async function openFullNode(directory: string, genesis: Uint8Array, now: () => number) {
  const decoded = genesisCodec.decode(new Uint8Array(genesis))
  if (!decoded.ok) throw new Error(decoded.detail)
  const store = await ChainStore.open(directory)
  const verifier = createCachingVerifier(createPoolVerifier())
  const chain = await FullChain.open({ store, verifier, now, genesis: decoded.value })
  return { store, verifier, chain }
}

/** @throws when it does not decode */
export function readBlock(bytes: Uint8Array): Block {
  // A copy: what comes through a pipe is a Buffer.
  const block = blockCodec.decode(new Uint8Array(bytes))
  if (!block.ok) throw new Error(block.detail)
  return block.value
}

/** @throws when the chain does not follow it */
export async function takeBlock(chain: FullChain, bytes: Uint8Array): Promise<void> {
  const outcome = await chain.accept(readBlock(bytes))
  if (outcome.kind !== 'extension') throw new Error(JSON.stringify(outcome))
}
