// Loads reflect-metadata, without which @peculiar/x509 refuses to load.
import 'reflect-metadata'
import { type KeyObject, X509Certificate as NodeCertificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from '@peculiar/x509'
import { accept, LaresError, type Result, reject } from '../../shared/errors.ts'

/** DER of one; the largest in use have a few kilobytes. */
export const MAX_CERTIFICATE_BYTES = 16 * 1024

const SHOWN_NAME_LENGTH = 256

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
const EXTENDED_KEY_USAGE = '2.5.29.37'

/** An X.509 certificate (RFC 5280), as far as a path is checked by it. Nothing in it is verified yet. */
export interface Certificate {
  readonly der: Uint8Array
  /** 3 for one with extensions. */
  readonly version: number
  /** DER of the names, as they are compared (RFC 5280 section 7.1 allows less strict ways). */
  readonly subject: string
  readonly issuer: string
  /** For people. */
  readonly subjectText: string
  /** Values of the subject by object ID. */
  readonly subjectValues: (oid: string) => readonly string[]
  /** Lower-case hexadecimal, without leading zeros. */
  readonly serial: string
  /** ms since the Unix epoch */
  readonly notBefore: number
  readonly notAfter: number
  readonly basic:
    | { readonly isCritical: boolean; readonly ca: boolean; readonly pathLength: number | undefined }
    | undefined
  readonly usage: { readonly isCritical: boolean; readonly flags: number } | undefined
  readonly keyId: string | undefined
  readonly issuerKeyId: string | undefined
  /** Object IDs of critical extensions that a path check does not know. */
  readonly unknownCritical: readonly string[]
  readonly key: KeyObject
  /** `ECDSA SHA-256`, for one. */
  readonly signatureAlgorithm: string
  /** Whether its issuer's key has signed it. */
  isSignedBy(key: KeyObject): boolean
}

const KNOWN = new Set<string>([
  '2.5.29.19',
  '2.5.29.15',
  '2.5.29.14',
  '2.5.29.35',
  SUBJECT_ALTERNATIVE_NAME,
  EXTENDED_KEY_USAGE,
])

/** Reads DER. What is not whole, goes on behind its end or has an extension twice is refused. */
export function readCertificate(der: Uint8Array): Result<Certificate, 'malformed-certificate'> {
  const malformed = (detail: string) => reject('malformed-certificate' as const, detail)
  if (der.length > MAX_CERTIFICATE_BYTES) return malformed(`${der.length} bytes; at most ${MAX_CERTIFICATE_BYTES}`)
  try {
    const outer = readHeader(der, 0)
    if (outer.end !== der.length) return malformed('bytes are missing, or there are more behind its end')
    const parsed = new X509Certificate(Uint8Array.from(der))
    const checked = new NodeCertificate(der)
    const types = parsed.extensions.map(({ type }) => type)
    if (new Set(types).size !== types.length) return malformed('an extension is there twice')
    const basic = parsed.getExtension(BasicConstraintsExtension)
    const usage = parsed.getExtension(KeyUsagesExtension)
    const { name, hash } = parsed.signatureAlgorithm as { readonly name: string; readonly hash?: { name: string } }
    return accept({
      der,
      version: readVersion(der, outer.start),
      subject: hexOf(parsed.subjectName.toArrayBuffer()),
      issuer: hexOf(parsed.issuerName.toArrayBuffer()),
      subjectText: printable(parsed.subject),
      subjectValues: (oid) => parsed.subjectName.getField(oid),
      serial: parsed.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
      notBefore: parsed.notBefore.getTime(),
      notAfter: parsed.notAfter.getTime(),
      basic: basic ? { isCritical: basic.critical, ca: basic.ca, pathLength: basic.pathLength } : undefined,
      usage: usage ? { isCritical: usage.critical, flags: usage.usages } : undefined,
      keyId: parsed.getExtension(SubjectKeyIdentifierExtension)?.keyId.toLowerCase(),
      issuerKeyId: parsed.getExtension(AuthorityKeyIdentifierExtension)?.keyId?.toLowerCase(),
      unknownCritical: parsed.extensions
        .filter(({ critical, type }) => critical && !KNOWN.has(type))
        .map(({ type }) => type),
      key: checked.publicKey,
      signatureAlgorithm: [name, hash?.name].filter((part) => part !== undefined).join(' '),
      isSignedBy: (key) => checked.verify(key),
    })
  } catch (error) {
    if (error instanceof LaresError) return malformed(error.message)
    return malformed(error instanceof Error ? error.message : String(error))
  }
}

/** A foreign name must not move the cursor of who reads it. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '\uFFFD').slice(0, SHOWN_NAME_LENGTH)
}

function hexOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('hex')
}

/** Tag and length of a DER element (X.690 section 8.1). @throws {LaresError} */
function readHeader(
  der: Uint8Array,
  at: number,
): { readonly tag: number; readonly start: number; readonly end: number } {
  const [tag, first] = [der[at], der[at + 1]]
  if (tag === undefined || first === undefined) throw new LaresError('malformed-certificate', 'it ends too early')
  const bytes = first < 0x80 ? 0 : first & 0x7f
  if (bytes > 3) throw new LaresError('malformed-certificate', 'a length of more than three bytes')
  const start = at + 2 + bytes
  let length = bytes === 0 ? first : 0
  for (const byte of der.subarray(at + 2, start)) length = length * 256 + byte
  return { tag, start, end: start + length }
}

/** TBSCertificate begins with `[0] { INTEGER version - 1 }`, and without it is of version 1. */
function readVersion(der: Uint8Array, tbsAt: number): number {
  const explicit = readHeader(der, readHeader(der, tbsAt).start)
  if (explicit.tag !== 0xa0) return 1
  return (der[readHeader(der, explicit.start).start] ?? 0) + 1
}
