import * as P from 'micro-packed'
import { paymentCoder } from '../admission/quote.ts'
import { createCodec } from '../codec.ts'
import { bytes64Field, bytesField, fixedStruct, hash32Field, u48Field } from '../fixed-struct.ts'
import { TAGS, tagged } from '../hash.ts'
import { ownerAnchor } from '../identity/anchor.ts'
import { ASSURANCE, LABEL } from '../identity/label.ts'
import type { Claim } from '../transaction/register.ts'
import { PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** Letters of a pairing code: no vowels, so no words, and none that looks like another (RFC 8628, section 6.1). */
export const PAIRING_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
/** 20^8 codes: who types a wrong one hits nobody. */
export const PAIRING_CODE_LENGTH = 8

const askHead = {
  networkId: hash32Field,
  walletKey: hash32Field,
  recoveryKey: hash32Field,
  /** Hash of the measured profile. */
  profile: hash32Field,
  /** What the asked relay has quoted for this wallet key; all zero where it asks for nothing. */
  payment: paymentCoder,
} as const
const askHeadCoder = fixedStruct(askHead)
export type PairAskHead = ReturnType<typeof askHeadCoder.read>

/** A newcomer without voucher and certificate asks that the operator of a relay approves it. The same again asks how it stands. */
export const pairAskCodec = createCodec(
  'pair ask',
  PROTOCOLS.pair.maxRequest,
  fixedStruct({ ...askHead, signature: bytes64Field }),
)
export type PairAsk = Extract<ReturnType<typeof pairAskCodec.decode>, { ok: true }>['value']

/** What the wallet key signs. */
export function pairAskMessage(head: PairAskHead): Uint8Array {
  return tagged(TAGS.pairAsk, askHeadCoder.encode(head))
}

/** The claim that the operator approves: it follows from the ask. */
export function pairClaim({ walletKey, recoveryKey, profile }: PairAskHead): Claim {
  return {
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    walletKey,
    recoveryKey,
    anchor: ownerAnchor(walletKey),
    profile,
    addresses: [],
  }
}

const waitingCoder = fixedStruct({
  /** ASCII, of {@link PAIRING_LETTERS}. */
  code: bytesField(PAIRING_CODE_LENGTH),
  /** ms until the code is void */
  lasts: u48Field,
})

/** As the evidence of a registration has it. */
const approvedCoder = fixedStruct({
  issuer: hash32Field,
  evidence: hash32Field,
  notAfter: u48Field,
  signature: bytes64Field,
})

export const pairAnswerCodec = createCodec(
  'pair answer',
  PROTOCOLS.pair.maxResponse,
  P.mappedTag(P.U8, { waiting: [1, waitingCoder], approved: [2, approvedCoder], refused: [0, refusalCoder] }),
)
export type PairAnswer = Extract<ReturnType<typeof pairAnswerCodec.decode>, { ok: true }>['value']

/** `BCDF-GHJK`, as people read it. */
export function formatPairingCode(code: string): string {
  return `${code.slice(0, PAIRING_CODE_LENGTH / 2)}-${code.slice(PAIRING_CODE_LENGTH / 2)}`
}

/** What a person has typed, without white space and dashes; undefined: no code. */
export function readPairingCode(text: string): string | undefined {
  const code = text.replace(/[\s-]/g, '').toUpperCase()
  return new RegExp(`^[${PAIRING_LETTERS}]{${PAIRING_CODE_LENGTH}}$`).test(code) ? code : undefined
}
