import * as P from 'micro-packed'
import { profileField } from '../admission/profile.ts'
import { QUOTE_LENGTH } from '../admission/quote.ts'

import { createCodec } from '../codec.ts'
import {
  boolField,
  bytes64Field,
  bytesField,
  fixedStruct,
  hash32Field,
  oneOfField,
  u8Field,
  u32Field,
  u48Field,
} from '../fixed-struct.ts'
import { TAGS, tagged } from '../hash.ts'
import { labelField } from '../identity/record.ts'
import { PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** How a newcomer can show who it is; as the evidence of a registration is tagged. */
export const WAY = { voucher: 1, approval: 3, certificate: 4 } as const
const WAYS: readonly number[] = Object.values(WAY)

const askHead = {
  networkId: hash32Field,
  walletKey: hash32Field,
  /** That it asks for. */
  label: labelField,
  /** Measured by itself: the signature is under it, so it is known who says so. */
  profile: profileField,
  way: oneOfField('way', u8Field, (way) => WAYS.includes(way)),
  /** Device ID of who gave the voucher, or hash of the trusted root; all zero where the asked one itself is to approve. */
  issuer: hash32Field,
  anchor: hash32Field,
} as const
const askHeadCoder = fixedStruct(askHead)
export type JoinAskHead = ReturnType<typeof askHeadCoder.read>

/** A newcomer asks a coordination node what its join costs. */
export const joinAskCodec = createCodec(
  'join ask',
  PROTOCOLS.join.maxRequest,
  fixedStruct({ ...askHead, signature: bytes64Field }),
)
export type JoinAsk = Extract<ReturnType<typeof joinAskCodec.decode>, { ok: true }>['value']

/** What the wallet key signs. */
export function joinAskMessage(head: JoinAskHead): Uint8Array {
  return tagged(TAGS.joinAsk, askHeadCoder.encode(head))
}

const quotedCoder = fixedStruct({
  /** Encoded quote: its iterations are `base × pressure × faults`, at most `most`; 0 where they are waived. */
  quote: bytesField(QUOTE_LENGTH),
  base: u32Field,
  pressure: u48Field,
  faults: u32Field,
  most: u48Field,
  isWaived: boolField,
  /** The evidence wanted. */
  way: oneOfField('way', u8Field, (way) => WAYS.includes(way)),
  /** Hash of the settled header, which a certified key signs. */
  nonce: hash32Field,
})
export type Quoted = ReturnType<typeof quotedCoder.read>

/** The price and how it came about, or why this newcomer cannot come in. */
export const joinAnswerCodec = createCodec(
  'join answer',
  PROTOCOLS.join.maxResponse,
  P.mappedTag(P.U8, { quoted: [1, quotedCoder], refused: [0, refusalCoder] }),
)
