/** Commits blocks as fast as it can until it is killed: extensions and reorganizations. Arguments: folder, then blocks by parent message. */
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'

process.once(
  'message',
  async ({ location, genesis, blocks }: { location: string; genesis: string; blocks: string[] }) => {
    const decoded = genesisCodec.decode(new Uint8Array(Buffer.from(genesis, 'base64')))
    if (!decoded.ok) throw new Error(decoded.detail)
    const store = await ChainStore.open(location)
    const verifier = createNodeVerifier()
    const chain = await FullChain.open({ store, verifier, now: () => Number.MAX_SAFE_INTEGER, genesis: decoded.value })
    process.send?.('ready')
    for (const text of blocks) {
      const block = blockCodec.decode(new Uint8Array(Buffer.from(text, 'base64')))
      if (block.ok) await chain.accept(block.value)
    }
    process.send?.('done')
  },
)
