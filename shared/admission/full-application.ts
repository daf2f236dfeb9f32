import * as P from 'micro-packed'
import { ZERO_HASH } from '../bytes.ts'
import { bytes64, checked, createCodec, hash32, u48 } from '../codec.ts'
import { serverAddressesCoder } from '../coordination/service-record.ts'
import { sha256, TAGS, tagged } from '../hash.ts'
import { profileField } from './profile.ts'

/** Two of different seats are enough; more go in while there is room, should one of them lose its seat. */
export const MAX_STATEMENTS = 16
const MAX_APPLICATION_LENGTH = 4096

/** What a full node says of an applicant: its operator stands up for it, or it was reached at its addresses. */
export const STATEMENT = { vouch: 1, reached: 2 } as const

export const fullStatementCoder = P.struct({
  kind: checked(P.U8, (kind) => (kind === STATEMENT.vouch || kind === STATEMENT.reached ? undefined : `kind ${kind}`)),
  seat: P.U16BE,
  /** Last height at which it counts. */
  expires: P.U32BE,
  /** By the seat's sealing key, over {@link fullStatementMessage}. */
  signature: bytes64,
})

export type FullStatement = P.UnwrapCoder<typeof fullStatementCoder>

const contentFields = {
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown version ${version}`)),
  networkId: hash32,
  deviceId: hash32,
  /** By the applicant's clock, ms. Of two of one device the later counts. */
  issuedAt: u48,
  /** The key that will seal. */
  sealingKey: hash32,
  profile: profileField,
  addresses: serverAddressesCoder,
  statements: checked(P.array(P.U8, fullStatementCoder), (list) => {
    if (list.length > MAX_STATEMENTS) return `${list.length} statements; at most ${MAX_STATEMENTS}`
    const place = ({ kind, seat }: FullStatement) => kind * 0x10000 + seat
    const isSorted = list.every((one, i) => i === 0 || place(list[i - 1] as FullStatement) < place(one))
    return isSorted ? undefined : 'statements are not sorted by kind and seat'
  }),
}

const contentCoder = P.struct(contentFields)

export type FullApplicationContent = P.UnwrapCoder<typeof contentCoder>

/** A device that is in the ledger asks for a seat. Sent again and again while it lasts. DESIGN 4, Full. */
export const fullApplicationCodec = createCodec(
  'full application',
  MAX_APPLICATION_LENGTH,
  P.struct({
    ...contentFields,
    /** By the device's wallet key, and by the key that will seal: nobody applies with the key of another. */
    signature: bytes64,
    sealingSignature: bytes64,
  }),
)
export type FullApplication = Extract<ReturnType<typeof fullApplicationCodec.decode>, { ok: true }>['value']

/** What both keys sign. */
export function fullApplicationMessage(content: FullApplicationContent): Uint8Array {
  const { version, networkId, deviceId, issuedAt, sealingKey, profile, addresses, statements } = content
  const fields = { version, networkId, deviceId, issuedAt, sealingKey, profile, addresses, statements }
  return tagged(TAGS.fullApplication, contentCoder.encode(fields))
}

/** What a seat signs. That an applicant was reached is said of these very addresses; who vouches, does so wherever it is. */
export function fullStatementMessage(
  { kind, seat, expires }: Omit<FullStatement, 'signature'>,
  { networkId, deviceId, addresses }: Pick<FullApplicationContent, 'networkId' | 'deviceId' | 'addresses'>,
): Uint8Array {
  const place = kind === STATEMENT.reached ? sha256(serverAddressesCoder.encode(addresses)) : ZERO_HASH
  const said = P.tuple([P.U8, hash32, hash32, P.U16BE, P.U32BE]).encode([kind, deviceId, place, seat, expires])
  return tagged(TAGS.fullStatement, networkId, said)
}
