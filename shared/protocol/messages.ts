import * as P from 'micro-packed'
import { MAX_BLOCK_LENGTH, MAX_BLOCK_TRANSACTIONS } from '../block/block.ts'
import { headerItemCoder } from '../chain/header-item.ts'
import { bytes64, checked, createCodec, hash32, text8, u48, u128 } from '../codec.ts'
import { headerCoder, sealedHeaderCoder } from '../header/header.ts'
import { mountainRangeCoder } from '../history/mountain-range.ts'
import { MAX_STATE_PROOF_LENGTH, stateProofCoder } from '../proof/state-proof.ts'
import { rosterCoder } from '../roster/roster.ts'
import { rosterChangeCoder } from '../transaction/roster-change.ts'
import { MAX_TRANSACTION_LENGTH } from '../transaction/transaction.ts'
import {
  MAX_BLOCKS_PER_REQUEST,
  MAX_GOSSIP_HEADER_LENGTH,
  MAX_HEADERS_ANSWER_LENGTH,
  MAX_HEADERS_PER_ANSWER,
  MAX_LOCATOR_LENGTH,
  MAX_PEER_ADDRESSES,
  PROTOCOLS,
} from './ids.ts'

const atMost = <Value>(coder: P.CoderType<Value[]>, max: number) =>
  checked(coder, (list) => (list.length <= max ? undefined : `${list.length} entries; at most ${max}`))

const optional = <Value>(coder: P.CoderType<Value>) => P.optional(P.bool, coder)

/** What gossip carries, and answers are made of. */
export const headerItemCodec = createCodec('header item', MAX_GOSSIP_HEADER_LENGTH, headerItemCoder)

export const statusRequestCodec = createCodec(
  'status request',
  PROTOCOLS.status.maxRequest,
  P.struct({ networkId: hash32 }),
)

const statusFields = {
  networkId: hash32,
  /** Label flags. */
  label: P.U8,
  tip: P.struct({ height: P.U32BE, hash: hash32, work: u128 }),
  settledHeight: P.U32BE,
  /** Its clock, ms: a phone whose clock is far off is told so. */
  time: u48,
}

/** Where a peer stands, in version 1. */
export const statusCodecV1 = createCodec('status', PROTOCOLS.status.maxResponse, P.struct(statusFields))

/** Where a peer stands. Nothing in it is believed but the seal: it says what is worth asking for. */
export const statusCodec = createCodec(
  'status',
  PROTOCOLS.status.maxResponse,
  P.struct({
    ...statusFields,
    /** The newest recovery in its roster, ms; 0 for none. */
    recovered: u48,
    /** The header of the tip: a relay that was restored learns from it what it had sealed. */
    sealedTip: optional(sealedHeaderCoder),
  }),
)
export type Status = NonNullable<ReturnType<typeof statusCodec.decode> & { ok: true }>['value']

export const recoveryRequestCodec = createCodec(
  'recovery request',
  PROTOCOLS.recovery.maxRequest,
  P.struct({ networkId: hash32 }),
)

/** The newest recovery of the best chain, and the first block after it, which carries it; absent where there was none. */
export const recoveryCodec = createCodec(
  'recovery answer',
  PROTOCOLS.recovery.maxResponse,
  P.struct({ recovered: optional(P.struct({ change: rosterChangeCoder, block: sealedHeaderCoder })) }),
)
export type RecoveryAnswer = NonNullable<
  Extract<ReturnType<typeof recoveryCodec.decode>, { ok: true }>['value']['recovered']
>

/** Asks for the start at a header hash; zeros ask for genesis. */
export const checkpointRequestCodec = createCodec(
  'checkpoint request',
  PROTOCOLS.checkpoint.maxRequest,
  P.struct({ networkId: hash32, hash: hash32 }),
)

/**
 * A place to start from. All of it is checked: genesis against the network ID, the header against the hash asked for,
 * its parent against previousHash, roster and range against the roots in the header.
 */
export const checkpointCodec = createCodec(
  'checkpoint',
  PROTOCOLS.checkpoint.maxResponse,
  P.struct({
    genesis: P.bytes(P.U16BE),
    genesisHeader: headerCoder,
    sealed: sealedHeaderCoder,
    /** The header before; absent when the checkpoint is genesis. */
    parent: optional(headerCoder),
    roster: rosterCoder,
    range: mountainRangeCoder,
  }),
)
export type Checkpoint = Extract<ReturnType<typeof checkpointCodec.decode>, { ok: true }>['value']

/** Asks for the headers after the first hash of the locator that the server has in its best chain. */
export const headersRequestCodec = createCodec(
  'headers request',
  PROTOCOLS.headers.maxRequest,
  P.struct({
    networkId: hash32,
    locator: checked(P.array(P.U8, hash32), (list) =>
      list.length >= 1 && list.length <= MAX_LOCATOR_LENGTH
        ? undefined
        : `${list.length} hashes; 1 to ${MAX_LOCATOR_LENGTH}`,
    ),
    count: checked(P.U16BE, (count) =>
      count >= 1 && count <= MAX_HEADERS_PER_ANSWER ? undefined : `${count} headers wanted`,
    ),
  }),
)

/** Consecutive headers, oldest first; empty when the server has none of the locator's hashes or nothing newer. */
export const headersCodec = createCodec(
  'headers',
  MAX_HEADERS_ANSWER_LENGTH,
  P.struct({ items: atMost(P.array(P.U16BE, headerItemCoder), MAX_HEADERS_PER_ANSWER) }),
)

/** Asks for the bodies of blocks by their header hashes. */
export const blocksRequestCodec = createCodec(
  'blocks request',
  PROTOCOLS.blocks.maxRequest,
  P.struct({
    networkId: hash32,
    hashes: checked(P.array(P.U8, hash32), (list) =>
      list.length >= 1 && list.length <= MAX_BLOCKS_PER_REQUEST
        ? undefined
        : `${list.length} hashes; 1 to ${MAX_BLOCKS_PER_REQUEST}`,
    ),
  }),
)

/** Of those asked for, as many as fit, each whole and in its own encoding, in the order asked; those not here are left out. */
export const blocksCodec = createCodec(
  'blocks',
  PROTOCOLS.blocks.maxResponse,
  P.struct({
    blocks: checked(atMost(P.array(P.U8, P.bytes(P.U32BE)), MAX_BLOCKS_PER_REQUEST), (list) =>
      list.every(({ length }) => length <= MAX_BLOCK_LENGTH) ? undefined : 'a block is too long',
    ),
  }),
)

/** Asks for transactions of a block by their places in it, which rise. */
export const transactionsRequestCodec = createCodec(
  'transactions request',
  PROTOCOLS.transactions.maxRequest,
  P.struct({
    networkId: hash32,
    hash: hash32,
    places: checked(P.array(P.U16BE, P.U16BE), (places) => {
      if (places.length < 1 || places.length > MAX_BLOCK_TRANSACTIONS) return `${places.length} places`
      return places.every((place, i) => i === 0 || place > (places[i - 1] as number)) ? undefined : 'places do not rise'
    }),
  }),
)

/** Addresses of full nodes: the one that is asked, and those that it has reached. At most 64 multiaddrs with peer ID. */
export const peersCodec = createCodec(
  'peers',
  PROTOCOLS.peers.maxResponse,
  P.struct({
    addresses: checked(P.array(P.U8, text8), (list) =>
      list.length <= MAX_PEER_ADDRESSES && list.every((address) => /^\/[!-~]+$/.test(address))
        ? undefined
        : 'not a list of multiaddrs',
    ),
  }),
)

/** All that were asked for, in their order; none when the block is not here. */
export const transactionsCodec = createCodec(
  'transactions',
  PROTOCOLS.transactions.maxResponse,
  P.struct({
    transactions: checked(atMost(P.array(P.U16BE, P.bytes(P.U16BE)), MAX_BLOCK_TRANSACTIONS), (list) =>
      list.every(({ length }) => length <= MAX_TRANSACTION_LENGTH) ? undefined : 'a transaction is too long',
    ),
  }),
)

/** Asks what the state under a header says about one exact key. */
export const proofRequestCodec = createCodec(
  'proof request',
  PROTOCOLS.proof.maxRequest,
  P.struct({ networkId: hash32, headerHash: hash32, key: hash32 }),
)

/** The proof; absent when the server does not have that header or no longer the state under it. */
export const proofCodec = createCodec(
  'proof answer',
  Math.min(PROTOCOLS.proof.maxResponse, MAX_STATE_PROOF_LENGTH + 1),
  P.struct({ proof: optional(stateProofCoder) }),
)

export const refusalCoder = P.struct({ code: text8, detail: text8 })

/** Answer to a newcomer's application: the endorsement, or why not. */
export const endorsementAnswerCodec = createCodec(
  'endorsement answer',
  PROTOCOLS.endorse.maxResponse,
  P.mappedTag(P.U8, { endorsed: [1, P.struct({ deviceId: hash32, signature: bytes64 })], refused: [0, refusalCoder] }),
)
export type EndorsementAnswer = Extract<ReturnType<typeof endorsementAnswerCodec.decode>, { ok: true }>['value']

/** Answer to a submitted transaction: its ID once it waits for a block, or why not. */
export const submitAnswerCodec = createCodec(
  'submit answer',
  PROTOCOLS.submit.maxResponse,
  P.mappedTag(P.U8, { accepted: [1, P.struct({ transactionId: hash32 })], refused: [0, refusalCoder] }),
)
export type SubmitAnswer = Extract<ReturnType<typeof submitAnswerCodec.decode>, { ok: true }>['value']

/** Refusal texts are bounded by their one-byte length, so they are cut, and kept to ASCII. */
export function refusal(code: string, detail: string): { TAG: 'refused'; data: { code: string; detail: string } } {
  const plain = (text: string, length: number) => text.replace(/[^ -~]/g, '?').slice(0, length)
  return { TAG: 'refused', data: { code: plain(code, 64), detail: plain(detail, 200) } }
}
