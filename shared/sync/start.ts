import { equalBytes, ZERO_HASH } from '../bytes.ts'
import { type ChainNode, startChain } from '../chain/chain-node.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { hashHeader } from '../header/header.ts'
import { sealCheck } from '../header/seal.ts'
import { type Genesis, genesisCodec, genesisRoster, hashGenesis } from '../ledger/genesis.ts'
import type { Checkpoint } from '../protocol/messages.ts'
import { memberAt, rosterRoot } from '../roster/roster.ts'

export type StartCode =
  | 'wrong-genesis'
  | 'wrong-checkpoint'
  | 'wrong-roster-root'
  | 'wrong-history-root'
  | 'wrong-target'

export interface ChainStart {
  readonly genesis: Genesis
  readonly node: ChainNode
  /** Empty for genesis, which nobody seals. */
  readonly signatures: readonly SignatureCheck[]
}

/**
 * Checks a checkpoint answer against what a join link says: nothing of it is believed. Genesis must hash to the network
 * ID; the header must hash to the checkpoint; roster and range must be those the header commits to.
 *
 * @param hash of the checkpoint header, or zeros for genesis
 */
export function checkStart(networkId: Uint8Array, hash: Uint8Array, answer: Checkpoint): Result<ChainStart, StartCode> {
  const genesis = genesisCodec.decode(answer.genesis)
  if (!genesis.ok) return reject('wrong-genesis', genesis.detail)
  const first = answer.genesisHeader
  if (!equalBytes(hashHeader(first), networkId) || !equalBytes(first.previousHash, hashGenesis(genesis.value)))
    return reject('wrong-genesis', 'the genesis description is not that of this network')
  if (!equalBytes(first.rosterRoot, rosterRoot(genesisRoster(genesis.value))))
    return reject('wrong-genesis', 'the first roster is not that of the genesis description')

  const { header, seal } = answer.sealed
  const wanted = equalBytes(hash, ZERO_HASH) ? networkId : hash
  if (!equalBytes(hashHeader(header), wanted)) return reject('wrong-checkpoint', 'this is another header')
  const { parent } = answer
  if (header.height === 0 && seal.some((byte) => byte !== 0)) return reject('wrong-checkpoint', 'nobody seals genesis')
  if ((parent === undefined) !== (header.height === 0))
    return reject('wrong-checkpoint', 'the parent header is missing')
  if (parent !== undefined && !equalBytes(hashHeader(parent), header.previousHash))
    return reject('wrong-checkpoint', 'the parent is another header')

  const node = startChain({
    sealed: answer.sealed,
    previous: parent && { time: parent.time, target: parent.target },
    roster: answer.roster,
    range: answer.range,
  })
  if (!node.ok) return node
  if (parent === undefined) return accept({ genesis: genesis.value, node: node.value, signatures: [] })
  // The seal is by the parent's roster, which is at hand only when this block changed nothing in it. Where it did, the
  // seal cannot be judged, and is not needed: the hash is known to be right.
  if (!equalBytes(parent.rosterRoot, header.rosterRoot))
    return accept({ genesis: genesis.value, node: node.value, signatures: [] })
  const keeper = memberAt(answer.roster, header.seat)
  if (keeper === undefined) return reject('wrong-checkpoint', 'the seat is not in the roster')
  const signatures = [sealCheck(networkId, wanted, seal, keeper.sealingKey)]
  return accept({ genesis: genesis.value, node: node.value, signatures })
}
