/** Certificates made for a test: a good chain by default, and each part of it can be made wrong. */
import { webcrypto } from 'node:crypto'
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  type JsonNameParams,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { type Certificate, readCertificate } from '../../../node-relay/certificate/certificate.ts'

export const AT = Date.parse('2026-06-01T00:00:00Z')
const YEAR_MS = 365 * 24 * 3_600_000
export const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const crypto = webcrypto as unknown as Crypto

/** Attributes in order, each with its string type. */
export type Subject = JsonNameParams

export interface Made {
  readonly keys: CryptoKeyPair
  readonly subject: Subject
  readonly certificate: Certificate
  readonly der: Uint8Array
}

export interface Wish {
  readonly subject?: Subject
  readonly issuer?: Subject
  readonly from?: number
  readonly until?: number
  readonly keys?: CryptoKeyPair
  readonly hash?: string
  readonly serial?: string
  /** Replaces what is there by default. */
  readonly extensions?: readonly Extension[]
}

/** Of Matter: vendor and product as attributes. */
export function matterName(name: string, vendor?: string, product?: string): Subject {
  return [
    { CN: [{ utf8String: name }] },
    ...(vendor === undefined ? [] : [{ '1.3.6.1.4.1.37244.2.1': [{ utf8String: vendor }] }]),
    ...(product === undefined ? [] : [{ '1.3.6.1.4.1.37244.2.2': [{ utf8String: product }] }]),
  ]
}

export const newKeys = (algorithm: EcKeyGenParams | RsaHashedKeyGenParams = EC) =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>

export const asAuthority = (pathLength?: number) => [
  new BasicConstraintsExtension(true, pathLength, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
]
export const asDevice = () => [
  new BasicConstraintsExtension(false, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
]

let serials = 0

async function make(wish: Wish, defaults: Required<Pick<Wish, 'subject' | 'extensions'>>, above?: Made): Promise<Made> {
  const keys = wish.keys ?? (await newKeys())
  const signer = above?.keys ?? keys
  const subject = wish.subject ?? defaults.subject
  const issuer = wish.issuer ?? above?.subject ?? subject
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: wish.serial ?? (0x1000 + ++serials).toString(16),
      subject: new Name(subject),
      issuer: new Name(issuer),
      notBefore: new Date(wish.from ?? AT - YEAR_MS),
      notAfter: new Date(wish.until ?? AT + YEAR_MS),
      publicKey: keys.publicKey,
      signingKey: signer.privateKey,
      signingAlgorithm: { name: 'ECDSA', hash: wish.hash ?? 'SHA-256' } as EcdsaParams,
      extensions: [
        ...(wish.extensions ?? defaults.extensions),
        ...(wish.extensions === undefined
          ? [
              await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
              await AuthorityKeyIdentifierExtension.create(signer.publicKey, false, crypto),
            ]
          : []),
      ],
    },
    crypto,
  )
  const der = new Uint8Array(certificate.rawData)
  const read = readCertificate(der)
  if (!read.ok) throw new Error(read.detail)
  return { keys, subject, certificate: read.value, der }
}

export const makeRoot = (wish: Wish = {}) =>
  make(wish, { subject: matterName('Test root', 'FFF1'), extensions: asAuthority(1) })
export const makeIntermediate = (root: Made, wish: Wish = {}) =>
  make(wish, { subject: matterName('Test intermediate', 'FFF1'), extensions: asAuthority(0) }, root)
export const makeDevice = (above: Made, wish: Wish = {}) =>
  make(wish, { subject: matterName('Test device', 'FFF1', '8000'), extensions: asDevice() }, above)

/** Key identifiers, for a wish that names its extensions itself. */
export const keyIds = async (own: CryptoKeyPair, issuer: CryptoKeyPair) => [
  await SubjectKeyIdentifierExtension.create(own.publicKey, false, crypto),
  await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto),
]
