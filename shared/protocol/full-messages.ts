/** Messages by which a device becomes a full node, apart from the others: a page never loads them. */
import * as P from 'micro-packed'
import { ADMISSION_STEPS, type AdmissionStep } from '../admission/full-admission.ts'
import { fullStatementCoder } from '../admission/full-application.ts'
import { bytes64, checked, createCodec, hash32, u48 } from '../codec.ts'
import { TAGS, tagged } from '../hash.ts'
import { PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** One of each kind. */
const MAX_OWN_STATEMENTS = 2

const stepCoder: P.CoderType<AdmissionStep> = P.apply(
  P.struct({
    step: checked(P.U8, (step) => (step < ADMISSION_STEPS.length ? undefined : `unknown step ${step}`)),
    have: P.U32BE,
    need: P.U32BE,
    isMet: P.bool,
  }),
  {
    encode: ({ step, ...rest }) => ({ step: ADMISSION_STEPS[step] as AdmissionStep['step'], ...rest }),
    decode: ({ step, ...rest }) => ({ step: ADMISSION_STEPS.indexOf(step), ...rest }),
  },
)

/** How an applicant stands with a full node, what that says of it, and its vote once nothing is missing. Or why it does not look. */
export const fullAnswerCodec = createCodec(
  'full answer',
  PROTOCOLS.fullApplication.maxResponse,
  P.mappedTag(P.U8, {
    examined: [
      1,
      P.struct({
        /** Of who answers. */
        seat: P.U16BE,
        steps: checked(P.array(P.U8, stepCoder), ({ length }) =>
          length === ADMISSION_STEPS.length ? undefined : `${length} steps; ${ADMISSION_STEPS.length}`,
        ),
        statements: checked(P.array(P.U8, fullStatementCoder), ({ length }) =>
          length <= MAX_OWN_STATEMENTS ? undefined : `${length} statements; at most ${MAX_OWN_STATEMENTS}`,
        ),
        /** For the next seat of the roster, which it names. */
        vote: P.optional(P.bool, P.struct({ seat: P.U16BE, expires: P.U32BE, signature: bytes64 })),
      }),
    ],
    refused: [0, refusalCoder],
  }),
)
export type FullAnswer = Extract<ReturnType<typeof fullAnswerCodec.decode>, { ok: true }>['value']

const storageFields = {
  networkId: hash32,
  /** Who is asked. */
  deviceId: hash32,
  /** 32 random bytes. */
  nonce: hash32,
  /** The highest block that may be read, and its header hash. */
  height: checked(P.U32BE, (height) => (height > 0 ? undefined : 'no block')),
  headerHash: hash32,
  /** ms */
  time: u48,
  /** Of who asks. */
  seat: P.U16BE,
}

const storageContentCoder = P.struct(storageFields)

export type StorageContent = P.UnwrapCoder<typeof storageContentCoder>

export const storageRequestCodec = createCodec(
  'storage request',
  PROTOCOLS.storageChallenge.maxRequest,
  P.struct({ ...storageFields, /** by the seat's sealing key, over {@link storageMessage} */ signature: bytes64 }),
)
export type StorageRequest = Extract<ReturnType<typeof storageRequestCodec.decode>, { ok: true }>['value']

/** What the examiner signs, and what the answer begins with (admission/storage-challenge.ts). */
export function storageMessage(content: StorageContent): Uint8Array {
  const { networkId, deviceId, nonce, height, headerHash, time, seat } = content
  const fields = { networkId, deviceId, nonce, height, headerHash, time, seat }
  return tagged(TAGS.storageRequest, storageContentCoder.encode(fields))
}

/** The digest, or why there is none. */
export const storageAnswerCodec = createCodec(
  'storage answer',
  PROTOCOLS.storageChallenge.maxResponse,
  P.mappedTag(P.U8, { answered: [1, P.struct({ digest: hash32 })], refused: [0, refusalCoder] }),
)
