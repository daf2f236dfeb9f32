/** The chain that a test, an honest relay and a hostile process all know: three keepers, of which the relay is one. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import { openDataDir } from '../../node-relay/data-dir.ts'
import { FullChain } from '../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../node-relay/store/chain-store.ts'
import { asciiBytes, toHex } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/hash.ts'
import { ChainBuilder } from './chain-builder.ts'

const NAME = 'hostile scene'
const BLOCKS = 12
/** Last block of the scene, before now, ms. */
const AGE_MS = 1_000

/** The same each time for the same moment. */
export async function buildScene(now: number): Promise<ChainBuilder> {
  // Difficulty that follows quickly, so that much work takes few headers.
  const parameters = { difficultyWindow: 4 }
  const chain = new ChainBuilder({ keepers: 3, createdAt: now - AGE_MS - BLOCKS * 1_000, name: NAME, parameters })
  await chain.mineMany(BLOCKS)
  return chain
}

/** A data directory of the relay that has the first seat and this chain. */
export async function writeRelay(dataDir: string, chain: ChainBuilder): Promise<void> {
  const directory = openDataDir(dataDir)
  if (!directory.ok) throw new Error(directory.detail)
  directory.value.close()
  const seed = toHex(sha256(asciiBytes(`${NAME} keeper 0`)))
  const keys = { version: 1, walletSeed: seed, sealingSeed: seed }
  await writeFile(join(dataDir, 'keys.json'), JSON.stringify(keys), { mode: 0o600 })
  const store = await ChainStore.open(join(dataDir, 'chain'))
  const full = await FullChain.open({ store, verifier: createNodeVerifier(), now: Date.now, genesis: chain.genesis })
  for (const { block } of chain.from(1)) {
    const outcome = await full.accept(block)
    if (outcome.kind !== 'extension') throw new Error(`block ${block.header.height}: ${JSON.stringify(outcome)}`)
  }
  await store.close()
}
