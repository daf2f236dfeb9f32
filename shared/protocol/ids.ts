import { MAX_CERTIFIED_APPLICATION_LENGTH, MAX_EVIDENCE_LENGTH } from '../admission/limits.ts'
import { MAX_BLOCK_LENGTH, MAX_ROSTER_CHANGES_PER_BLOCK } from '../block/block.ts'
import { MAX_COMPACT_BLOCK_LENGTH } from '../block/compact-block.ts'
import { toHex } from '../bytes.ts'
import { SEALED_HEADER_LENGTH } from '../header/header.ts'
import { MAX_TRANSACTION_LENGTH } from '../transaction/transaction.ts'
import type { ProtocolSpec } from './transport.ts'

/** Headers in one answer at most: half a megabyte, a third of a second of verification in a browser. */
export const MAX_HEADERS_PER_ANSWER = 1_000
/** Addresses of full nodes in one answer. */
export const MAX_PEER_ADDRESSES = 64
/** Hashes in a locator at most: enough for 2^24 headers. */
export const MAX_LOCATOR_LENGTH = 32
/** An answer of headers, with the roster changes of their blocks. */
export const MAX_HEADERS_ANSWER_LENGTH = 1024 * 1024

/** Blocks asked for at once. */
export const MAX_BLOCKS_PER_REQUEST = 16
/** A server puts blocks into an answer until they are this long together; the first always goes in. */
export const BLOCKS_ANSWER_BUDGET = 1024 * 1024

const SECOND = 1000

/**
 * Request and answer sizes in bytes; the deadline includes a slow phone network. The cost, in tokens, is what it takes to
 * find and encode the answer or to verify what was sent; an answer costs a token more for each 32 KiB.
 */
export const PROTOCOLS = {
  /** What a peer is and where its chain stands. */
  status: { id: '/lares/status/2', maxRequest: 64, maxResponse: 1024, timeoutMs: 10 * SECOND, cost: 1 },
  /** The owners' newest recovery statement, and the block that it came with. */
  recovery: {
    id: '/lares/recovery/1',
    maxRequest: 64,
    maxResponse: MAX_TRANSACTION_LENGTH + 512,
    timeoutMs: 10 * SECOND,
    cost: 1,
  },
  /** A settled place to start from. */
  checkpoint: { id: '/lares/checkpoint/1', maxRequest: 128, maxResponse: 128 * 1024, timeoutMs: 20 * SECOND, cost: 4 },
  headers: {
    id: '/lares/headers/1',
    maxRequest: 2048,
    maxResponse: MAX_HEADERS_ANSWER_LENGTH,
    timeoutMs: 20 * SECOND,
    cost: 4,
  },
  /** The proof of one exact device ID under one header. */
  proof: { id: '/lares/proof/1', maxRequest: 128, maxResponse: 80 * 1024, timeoutMs: 10 * SECOND, cost: 2 },
  /** A newcomer asks a coordination node what its join costs. */
  join: { id: '/lares/join/1', maxRequest: 256, maxResponse: 512, timeoutMs: 10 * SECOND, cost: 2 },
  /** A newcomer asks that the operator of a relay lets it in, and how that stands: a puzzle is checked for the first. */
  pair: { id: '/lares/pair/1', maxRequest: 512, maxResponse: 512, timeoutMs: 10 * SECOND, cost: 4 },
  /** A newcomer asks a coordination node for its endorsement. */
  endorse: {
    id: '/lares/endorse/1',
    maxRequest: MAX_TRANSACTION_LENGTH,
    maxResponse: 1024,
    timeoutMs: 10 * SECOND,
    cost: 8,
  },
  /** The same for one that has a certificate instead of a voucher: signatures of other kinds are verified, and a puzzle. */
  endorseCertified: {
    id: '/lares/endorse-certified/2',
    maxRequest: MAX_CERTIFIED_APPLICATION_LENGTH,
    maxResponse: 1024,
    timeoutMs: 10 * SECOND,
    cost: 24,
  },
  /** A coordination node looks at both statements of an incident, and signs that they hold. */
  witness: { id: '/lares/witness/1', maxRequest: 1024, maxResponse: 1024, timeoutMs: 10 * SECOND, cost: 8 },
  /** What a certified device was endorsed by, for full nodes. */
  evidence: {
    id: '/lares/evidence/1',
    maxRequest: 256,
    maxResponse: MAX_EVIDENCE_LENGTH + 512,
    timeoutMs: 10 * SECOND,
    cost: 2,
  },
  /** A device is to answer for itself, wherever it is: the answer waits until it has been found, or for some seconds. */
  challenge: { id: '/lares/challenge/1', maxRequest: 128, maxResponse: 512, timeoutMs: 20 * SECOND, cost: 4 },
  /** Bodies of blocks, for full nodes. */
  blocks: {
    id: '/lares/blocks/1',
    maxRequest: 1024,
    maxResponse: MAX_BLOCK_LENGTH + BLOCKS_ANSWER_BUDGET + 128,
    timeoutMs: 60 * SECOND,
    cost: 2,
  },
  /** Addresses of full nodes. */
  peers: { id: '/lares/peers/1', maxRequest: 64, maxResponse: 16 * 1024, timeoutMs: 10 * SECOND, cost: 1 },
  /** Where the holders of some seats serve, in their own signed words. */
  servers: { id: '/lares/servers/1', maxRequest: 128, maxResponse: 20 * 1024, timeoutMs: 10 * SECOND, cost: 1 },
  /** The transactions of an announced block that did not wait here already. */
  transactions: {
    id: '/lares/transactions/1',
    maxRequest: 16 * 1024,
    maxResponse: MAX_BLOCK_LENGTH,
    timeoutMs: 20 * SECOND,
    cost: 2,
  },
  /** A peer shows which device its libp2p key speaks for: a session certificate. */
  session: { id: '/lares/session/1', maxRequest: 172, maxResponse: 512, timeoutMs: 10 * SECOND, cost: 4 },
  /** A peer with a session says that its device is present. The answer may wait for another holder's proof, */
  presence: { id: '/lares/presence/1', maxRequest: 32, maxResponse: 512, timeoutMs: 25 * SECOND, cost: 4 },
  /** which it may have to give at another full node: this one asks there. */
  claim: { id: '/lares/claim/1', maxRequest: 172, maxResponse: 512, timeoutMs: 15 * SECOND, cost: 8 },
  /** A device applies for a seat, and asks how it stands: several signatures are verified. */
  fullApplication: {
    id: '/lares/full-application/1',
    maxRequest: 4096,
    maxResponse: 1024,
    timeoutMs: 10 * SECOND,
    cost: 8,
  },
  /** A full node has an applicant show that it holds the blocks: up to 16 MiB are read and hashed. */
  storageChallenge: {
    id: '/lares/storage-challenge/1',
    maxRequest: 256,
    maxResponse: 512,
    timeoutMs: 10 * SECOND,
    cost: 64,
  },
  submit: {
    id: '/lares/submit/1',
    maxRequest: MAX_TRANSACTION_LENGTH,
    maxResponse: 1024,
    timeoutMs: 10 * SECOND,
    cost: 4,
  },
} as const satisfies Record<string, ProtocolSpec>

export type ProtocolName = keyof typeof PROTOCOLS

/** Of pages: full nodes ask, and serve none of it. */
export const PAGE_PROTOCOLS = {
  /** Who is present proves that it has the wallet, since another claims to be it. */
  provePresence: { id: '/lares/prove-presence/1', maxRequest: 204, maxResponse: 230, timeoutMs: 10 * SECOND, cost: 8 },
} as const satisfies Record<string, ProtocolSpec>

/**
 * The version before, of protocols that have one. Versions overlap by one: the newest and the one before are answered, and
 * who finds the newest unsupported asks in the one before (protocol/versions.ts).
 */
export const PREVIOUS_PROTOCOLS = {
  status: { ...PROTOCOLS.status, id: '/lares/status/1' },
  endorseCertified: { ...PROTOCOLS.endorseCertified, id: '/lares/endorse-certified/1' },
} as const satisfies Partial<Record<ProtocolName, ProtocolSpec>>

/** Largest gossip messages, bytes. */
/** Whatever a block may hold, its header item fits. */
export const MAX_GOSSIP_HEADER_LENGTH = SEALED_HEADER_LENGTH + 1 + MAX_ROSTER_CHANGES_PER_BLOCK * MAX_TRANSACTION_LENGTH
export const MAX_GOSSIP_BLOCK_LENGTH = MAX_COMPACT_BLOCK_LENGTH
export const MAX_GOSSIP_TRANSACTION_LENGTH = MAX_TRANSACTION_LENGTH

/** Gossip topics of a network. */
export function topicsOf(networkId: Uint8Array): { headers: string; transactions: string; blocks: string } {
  const prefix = `/lares/${toHex(networkId.subarray(0, 8))}`
  return {
    headers: `${prefix}/headers/1`,
    transactions: `${prefix}/transactions/1`,
    blocks: `${prefix}/compact-blocks/1`,
  }
}
