// Loads reflect-metadata, without which @peculiar/x509 refuses to load.
import 'reflect-metadata'
import { PublicKey, X509Crl } from '@peculiar/x509'
import { ACCEPT, accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import type { CertificateCode } from './codes.ts'
import { type Path, USAGE } from './path.ts'
import { readJson } from './read-chain.ts'

/** Serial numbers of one issuer. */
export const MAX_REVOKED = 100_000
/** Issuers in one file. */
export const MAX_REVOCATION_LISTS = 1_024

/** What is known of one issuer's revocations. */
export interface RevocationList {
  /** DER of the issuer's name, hexadecimal. */
  readonly issuer: string
  /** Its key, by identifier, where the list names one. */
  readonly issuerKeyId: string | undefined
  readonly serials: ReadonlySet<string>
  /** Holds between these, ms since the Unix epoch; a set without dates is as new as who hands it over says. */
  readonly from: number
  readonly until: number
  /** A set of Matter is not signed, and is trusted as the file it is in. */
  isSignedBy(issuer: Certificate): Promise<boolean>
}

/** Revocation sets of Matter's ledger (JSON), or a certificate revocation list (RFC 5280 section 5) in PEM or DER. */
export function readRevocations(bytes: Uint8Array): Result<RevocationList[], 'malformed-revocation'> {
  const json = readJson(Buffer.from(bytes).toString('utf8'))
  if (json !== undefined) return readSets(json)
  try {
    return accept([readCrl(bytes)])
  } catch (error) {
    return reject('malformed-revocation', error instanceof Error ? error.message : String(error))
  }
}

function readCrl(bytes: Uint8Array): RevocationList {
  const text = Buffer.from(bytes).toString('latin1')
  const crl = new X509Crl(text.includes('-----BEGIN') ? text : Uint8Array.from(bytes))
  const { entries } = crl
  if (entries.length > MAX_REVOKED) throw new Error(`${entries.length} entries; at most ${MAX_REVOKED}`)
  return {
    issuer: Buffer.from(crl.issuerName.toArrayBuffer()).toString('hex'),
    issuerKeyId: undefined,
    serials: new Set(entries.map(({ serialNumber }) => plainSerial(serialNumber))),
    from: crl.thisUpdate.getTime(),
    // A list that does not say when the next one comes is never known to be the newest.
    until: crl.nextUpdate?.getTime() ?? Number.NEGATIVE_INFINITY,
    isSignedBy: async ({ key, usage }) => {
      if (usage !== undefined && (usage.flags & USAGE.cRLSign) === 0) return false
      const spki = key.export({ type: 'spki', format: 'der' })
      return crl.verify({ publicKey: new PublicKey(Uint8Array.from(spki)) }).catch(() => false)
    },
  }
}

interface MatterSet {
  readonly type: string
  readonly issuer_subject_key_id: string
  readonly issuer_name: string
  readonly revoked_serial_numbers: readonly string[]
}

function readSets(json: unknown): Result<RevocationList[], 'malformed-revocation'> {
  if (!Array.isArray(json) || json.length > MAX_REVOCATION_LISTS || !json.every(isSet))
    return reject('malformed-revocation', 'not a list of revocation sets')
  return accept(
    json.map((set) => ({
      issuer: Buffer.from(set.issuer_name, 'base64').toString('hex'),
      issuerKeyId: set.issuer_subject_key_id.toLowerCase(),
      serials: new Set(set.revoked_serial_numbers.map(plainSerial)),
      from: Number.NEGATIVE_INFINITY,
      until: Number.POSITIVE_INFINITY,
      isSignedBy: () => Promise.resolve(true),
    })),
  )
}

function isSet(value: unknown): value is MatterSet {
  const set = value as Partial<MatterSet> | null
  return (
    set?.type === 'revocation_set' &&
    typeof set.issuer_name === 'string' &&
    /^[0-9A-F]{2,128}$/i.test(String(set.issuer_subject_key_id)) &&
    Array.isArray(set.revoked_serial_numbers) &&
    set.revoked_serial_numbers.length <= MAX_REVOKED &&
    set.revoked_serial_numbers.every((serial) => typeof serial === 'string' && /^[0-9A-F]{1,64}$/i.test(serial))
  )
}

function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '')
}

/**
 * Whether none of a path is revoked. It fails closed: of every issuer, root included, there must be a list that it has
 * signed and that holds now.
 *
 * @param at ms since the Unix epoch
 */
export async function checkRevocation(
  path: Path,
  lists: readonly RevocationList[],
  at: number,
): Promise<Verdict<CertificateCode>> {
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[index + 1] as Certificate
    const own: RevocationList[] = []
    for (const list of lists) if (await isOf(list, issuer)) own.push(list)
    if (own.some(({ serials }) => serials.has(certificate.serial)))
      return reject('revoked', `${certificate.subjectText}, serial number ${certificate.serial}`)
    if (own.length === 0) return reject('revocation-unknown', issuer.subjectText)
    if (!own.some(({ from, until }) => from <= at && at <= until)) return reject('revocation-stale', issuer.subjectText)
  }
  return ACCEPT
}

async function isOf(list: RevocationList, issuer: Certificate): Promise<boolean> {
  if (list.issuer !== issuer.subject) return false
  if (list.issuerKeyId !== undefined && list.issuerKeyId !== issuer.keyId) return false
  return list.isSignedBy(issuer)
}
