import { equalBytes } from '../../shared/bytes.ts'
import { ACCEPT, accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import { readCrl } from './crl.ts'
import { readPem } from './pem.ts'
import type { RevocationList } from './revocation-list.ts'
import { readRevocationSet } from './revocation-set.ts'

export type RevocationCode = 'revoked' | 'revocation-stale' | 'revocation-unknown' | 'revocation-not-trusted'

export const MAX_REVOCATION_LENGTH = 4 * 1024 * 1024
/** One for each issuer of Matter devices, and many times over. */
const MAX_REVOCATION_LISTS = 4_096

/**
 * Reads CRLs, as PEM blocks or one as DER, or a Matter revocation set.
 * @param fetched ms; when an undated set was fetched, where somebody says so
 */
export function readRevocation(
  bytes: Uint8Array,
  fetched: number | undefined,
): Result<readonly RevocationList[], 'revocation-malformed'> {
  if (bytes.length > MAX_REVOCATION_LENGTH)
    return reject('revocation-malformed', `more than ${MAX_REVOCATION_LENGTH} bytes`)
  const text = Buffer.from(bytes).toString('latin1')
  if (text.trimStart().startsWith('[')) return bounded(readRevocationSet(text, fetched))
  const blocks = text.includes('-----BEGIN ') ? readPem(text, 'X509 CRL', MAX_REVOCATION_LISTS) : [bytes]
  return bounded(blocks?.map(readCrl))
}

function bounded(
  lists: readonly (RevocationList | undefined)[] | undefined,
): Result<readonly RevocationList[], 'revocation-malformed'> {
  const whole = lists?.filter((list) => list !== undefined)
  // One list that cannot be read may be the one that revokes.
  if (lists === undefined || whole === undefined || whole.length === 0 || whole.length < lists.length)
    return reject('revocation-malformed', 'it is no whole and direct CRL (PEM or DER) and no Matter revocation set')
  return lists.length > MAX_REVOCATION_LISTS
    ? reject('revocation-malformed', `more than ${MAX_REVOCATION_LISTS} lists`)
    : accept(whole)
}

/**
 * Whether every certificate of a path still holds. Fails closed: each needs a list by its own issuer, of this time. A
 * revocation counts even when the list is old, since it is not taken back.
 * @param path the device's certificate first, the trusted root not among them
 * @param anchor the trusted root
 */
export function checkRevocation(
  path: readonly Certificate[],
  anchor: Certificate,
  lists: readonly RevocationList[],
  at: number,
): Verdict<RevocationCode> {
  const verdicts = path.map((certificate, index) => checkOne(certificate, path[index + 1] ?? anchor, lists, at))
  return (
    verdicts.find((verdict) => !verdict.ok && verdict.code === 'revoked') ?? verdicts.find(({ ok }) => !ok) ?? ACCEPT
  )
}

function checkOne(
  { subject, serialNumber }: Certificate,
  issuer: Certificate,
  lists: readonly RevocationList[],
  at: number,
): Verdict<RevocationCode> {
  const named = lists.filter((list) => equalBytes(list.issuer, issuer.subject.der))
  if (named.length === 0) return reject('revocation-unknown', `nothing by ${issuer.subject.text}`)
  const trusted = named.filter((list) => list.isFrom(issuer))
  if (trusted.length === 0)
    return reject('revocation-not-trusted', `${issuer.subject.text} is named, but it is not its signature`)
  if (trusted.some((list) => list.serialNumbers.has(serialNumber)))
    return reject('revoked', `${subject.text}, serial number ${serialNumber}`)
  if (trusted.some(({ from, until }) => from !== undefined && until !== undefined && from <= at && at <= until))
    return ACCEPT
  const [{ from, until } = {}] = trusted
  return reject('revocation-stale', `what ${issuer.subject.text} says is ${periodText(from, until)}`)
}

function periodText(from: number | undefined, until: number | undefined): string {
  if (from === undefined) return 'without a date; say when it was fetched with --fetched'
  const begin = new Date(from).toISOString()
  return until === undefined ? `of ${begin} and without an end` : `of ${begin} to ${new Date(until).toISOString()}`
}
