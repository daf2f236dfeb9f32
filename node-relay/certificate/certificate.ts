import { createPublicKey, type KeyObject } from 'node:crypto'
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from '@peculiar/x509'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import type { RefusalCode } from './codes.ts'
import { DER_INTEGER, DER_SEQUENCE, type DerElement, readDer, timeOf } from './der.ts'
import { type CertificateName, readName } from './name.ts'
import { readSigned, type Signed } from './signed.ts'

/** What the checks look at in a certificate (RFC 5280 section 4.1). */
export interface Certificate {
  readonly der: Uint8Array
  readonly signed: Signed
  /** Hex as on revocation lists: upper case, without leading zeros. */
  readonly serialNumber: string
  readonly issuer: CertificateName
  readonly subject: CertificateName
  /** ms, inclusive. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo. */
  readonly keyInfo: DerElement
  readonly publicKey: KeyObject
  readonly extensions: readonly Extension[]
  readonly basicConstraints: BasicConstraintsExtension | null
  readonly keyUsage: KeyUsagesExtension | null
  readonly extendedKeyUsage: ExtendedKeyUsageExtension | null
  /** Hex. */
  readonly subjectKeyId: string | undefined
  readonly authorityKeyId: string | undefined
}

/** Those of devices take 600 bytes to 3 kB; a long RSA key and an attestation stay below. */
export const MAX_CERTIFICATE_LENGTH = 16 * 1024

const VERSION_3 = 2

/** Strict: whatever does not have the one form of RFC 5280 is refused. */
export function parseCertificate(der: Uint8Array): Result<Certificate, RefusalCode> {
  if (der.length > MAX_CERTIFICATE_LENGTH) return reject('too-large', `a certificate has ${der.length} bytes`)
  const signed = readSigned(readDer(der))
  if (signed === undefined) return reject('malformed', 'a certificate is not strict DER')
  const [version, serialNumber, algorithm, issuer, validity, subject, keyInfo, ...rest] = signed.toBeSigned.children
  // Versions 1 and 2 have no extensions, so nothing says what such a certificate may be used for.
  if (version?.tag !== 0xa0 || version.children[0]?.content[0] !== VERSION_3)
    return reject('unsupported-version', 'the version field says so')
  const [notBefore, notAfter] = [timeOf(validity?.children[0]), timeOf(validity?.children[1])]
  if (
    serialNumber?.tag !== DER_INTEGER ||
    [algorithm, issuer, validity, subject, keyInfo].some((part) => part?.tag !== DER_SEQUENCE) ||
    // Unique identifiers and extensions, each at most once and in this order.
    rest.some(({ tag }, index) => ![0x81, 0x82, 0xa3].includes(tag) || tag <= (rest[index - 1]?.tag ?? 0)) ||
    notBefore === undefined ||
    notAfter === undefined
  )
    return reject('malformed', 'a certificate does not have the parts of one')
  // The outer copy of the algorithm is not signed (RFC 5280 section 4.1.1.2).
  if (!equalBytes((algorithm as DerElement).bytes, signed.algorithm.bytes))
    return reject('malformed', 'a certificate names two signature algorithms')
  try {
    const x509 = new X509Certificate(der as Uint8Array<ArrayBuffer>)
    const { extensions } = x509
    const repeated = extensions.find(({ type }, index) => extensions.findIndex((one) => one.type === type) !== index)
    if (repeated !== undefined) return reject('duplicate-extension', `extension ${repeated.type}`)
    const understood = [
      x509.getExtension(BasicConstraintsExtension),
      x509.getExtension(KeyUsagesExtension),
      x509.getExtension(ExtendedKeyUsageExtension),
      x509.getExtension(SubjectKeyIdentifierExtension),
      x509.getExtension(AuthorityKeyIdentifierExtension),
    ] as const
    if (understood.some((extension) => extension !== null && readDer(new Uint8Array(extension.value)) === undefined))
      return reject('malformed', 'an extension is not strict DER')
    const [basicConstraints, keyUsage, extendedKeyUsage, subjectKeyId, authorityKeyId] = understood
    return accept({
      der,
      signed,
      serialNumber: serialText(toHex(serialNumber.content)),
      issuer: readName(issuer as DerElement),
      subject: readName(subject as DerElement),
      notBefore,
      notAfter,
      keyInfo: keyInfo as DerElement,
      publicKey: createPublicKey({ key: Buffer.from((keyInfo as DerElement).bytes), format: 'der', type: 'spki' }),
      extensions,
      basicConstraints,
      keyUsage,
      extendedKeyUsage,
      subjectKeyId: subjectKeyId?.keyId,
      authorityKeyId: authorityKeyId?.keyId,
    })
  } catch {
    // The libraries throw on names, extensions and keys that they cannot read.
    return reject('malformed', 'a name, an extension or the key of a certificate cannot be read')
  }
}

/** One form for serial numbers, wherever they come from. */
export function serialText(hex: string): string {
  return hex.toUpperCase().replace(/^0+(?=.)/, '')
}

/** Whether two certificates stand for one name and key, whatever else they say. */
export function isSameEntity(a: Certificate, b: Certificate): boolean {
  return equalBytes(a.subject.der, b.subject.der) && equalBytes(a.keyInfo.bytes, b.keyInfo.bytes)
}

export function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return equalBytes(issuer.der, subject.der)
}
