import * as P from 'micro-packed'
import { transactionRoot } from '../block/transaction-tree.ts'
import { ZERO_HASH } from '../bytes.ts'
import { checked, createCodec, hash32, u48 } from '../codec.ts'
import { TAGS, taggedHash } from '../hash.ts'
import { HEADER_VERSION, type Header, hashHeader, SEAL_LENGTH, type SealedHeader } from '../header/header.ts'
import { EMPTY_RANGE, historyRoot } from '../history/mountain-range.ts'
import { networkParametersCoder } from '../params.ts'
import { policyCodec, policyCoder } from '../policy/policy.ts'
import { MAX_SEATS, ownersCoder, type Roster, rosterRoot } from '../roster/roster.ts'
import { coordinationSetCodec, epochCodec } from './records.ts'
import { COORDINATION_SET_KEY, EPOCH_KEY, POLICY_KEY } from './state-keys.ts'
import type { StateChange } from './state-overlay.ts'

const MAX_GENESIS_LENGTH = 32 * 1024

/** Everything that a network starts from. Its devices register in the first blocks: their IDs contain the network ID. */
const genesisCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown genesis version ${version}`)),
  createdAt: u48,
  parameters: networkParametersCoder,
  owners: ownersCoder,
  /** First keepers, in seats 0, 1, … */
  keepers: checked(
    P.array(P.U16BE, P.struct({ walletId: hash32, sealingKey: hash32, recoveryKey: hash32 })),
    (keepers) =>
      keepers.length >= 1 && keepers.length <= MAX_SEATS ? undefined : `${keepers.length} keepers; 1 to ${MAX_SEATS}`,
  ),
  policy: policyCoder,
})

export type Genesis = P.UnwrapCoder<typeof genesisCoder>

export const genesisCodec = createCodec<Genesis>('genesis', MAX_GENESIS_LENGTH, genesisCoder)

/** What stands in the genesis header where others have their parent's hash. 32 bytes. */
export function hashGenesis(genesis: Genesis): Uint8Array {
  return taggedHash(TAGS.genesis, genesisCodec.encode(genesis))
}

export function genesisRoster(genesis: Genesis): Roster {
  return {
    changeNumber: 0,
    previousRoot: ZERO_HASH,
    nextSeat: genesis.keepers.length,
    recovered: 0,
    owners: genesis.owners,
    members: genesis.keepers.map((keeper, seat) => ({ seat, ...keeper })),
  }
}

/** The first records of the state tree. */
export function genesisState(genesis: Genesis): StateChange[] {
  return [
    { key: POLICY_KEY, value: policyCodec.encode(genesis.policy) },
    { key: COORDINATION_SET_KEY, value: coordinationSetCodec.encode({ number: 0, members: [] }) },
    { key: EPOCH_KEY, value: epochCodec.encode({ number: 0, startHeight: 0, startTime: genesis.createdAt }) },
  ]
}

/**
 * The genesis header. Its hash is the network ID. It has no proof of work and no seal.
 * @param stateRoot of the state tree with {@link genesisState}
 */
export function genesisHeader(genesis: Genesis, stateRoot: Uint8Array): Header {
  return {
    version: HEADER_VERSION,
    height: 0,
    time: genesis.createdAt,
    previousHash: hashGenesis(genesis),
    transactionRoot: transactionRoot([]),
    stateRoot,
    historyRoot: historyRoot(EMPTY_RANGE),
    rosterRoot: rosterRoot(genesisRoster(genesis)),
    target: genesis.parameters.initialTarget,
    seat: 0,
    nonce: 0,
  }
}

export function sealedGenesis(header: Header): SealedHeader {
  return { header, seal: new Uint8Array(SEAL_LENGTH) }
}

/** The network ID: hash of the genesis header. 32 bytes. */
export function networkIdOf(header: Header): Uint8Array {
  return hashHeader(header)
}
