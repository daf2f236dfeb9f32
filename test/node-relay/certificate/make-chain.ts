import { KeyObject, sign, webcrypto } from 'node:crypto'
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509'
import { type Certificate, parseCertificate } from '../../../node-relay/certificate/certificate.ts'
import { type CheckedChain, checkChain } from '../../../node-relay/certificate/check.ts'
import type { RefusalCode } from '../../../node-relay/certificate/codes.ts'
import { readDer } from '../../../node-relay/certificate/der.ts'
import { readChain } from '../../../node-relay/certificate/read-chain.ts'
import type { RevocationList } from '../../../node-relay/certificate/revocation-list.ts'
import type { Result, Verdict } from '../../../shared/errors.ts'

/** The time that the chains of the tests are judged at, and good for a year around. */
export const AT = Date.UTC(2026, 5, 1)
const HALF_YEAR_MS = 183 * 86_400_000

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
const crypto = webcrypto as unknown as Crypto

export interface Issued {
  readonly name: JsonName
  readonly keys: CryptoKeyPair
  readonly keyId: string
  readonly der: Uint8Array
}

export interface Wanted {
  readonly name?: JsonName
  /** Signs; without one the certificate signs itself. */
  readonly issuer?: Issued
  /** Named as the issuer, when it is another than the one who signs. */
  readonly issuerName?: JsonName
  readonly keys?: CryptoKeyPair
  /** SubjectPublicKeyInfo of another kind of key. */
  readonly keyInfo?: Uint8Array
  readonly ca?: boolean
  readonly pathLength?: number
  readonly usages?: number
  readonly authorityKeyId?: string
  /** Extensions left out, by their OIDs. */
  readonly without?: readonly string[]
  readonly from?: number
  readonly until?: number
  readonly hash?: string
  readonly serialNumber?: string
  /** Instead of basic constraints and key usage. */
  readonly conditions?: readonly Extension[]
  readonly more?: readonly Extension[]
}

let issued = 0

export async function createKeys(algorithm: object = ALGORITHM): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm as EcKeyGenParams, true, ['sign', 'verify'])) as CryptoKeyPair
}

export async function issue(wanted: Wanted): Promise<Issued> {
  const { issuer, ca = false, usages = ca ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : 1 } = wanted
  const keys = wanted.keys ?? (await createKeys())
  const name = wanted.name ?? [{ CN: [`device ${issued}`] }]
  const keyId = await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto)
  issued++
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: wanted.serialNumber ?? (0x4000 + issued).toString(16),
      subject: name,
      issuer: wanted.issuerName ?? issuer?.name ?? name,
      notBefore: new Date(wanted.from ?? AT - HALF_YEAR_MS),
      notAfter: new Date(wanted.until ?? AT + HALF_YEAR_MS),
      signingAlgorithm: { name: 'ECDSA', hash: wanted.hash ?? 'SHA-256' },
      publicKey: (wanted.keyInfo as Uint8Array<ArrayBuffer>) ?? keys.publicKey,
      signingKey: (issuer?.keys ?? keys).privateKey,
      extensions: [
        ...(wanted.conditions ?? [
          new BasicConstraintsExtension(ca, wanted.pathLength, true),
          new KeyUsagesExtension(usages, true),
        ]),
        keyId,
        new AuthorityKeyIdentifierExtension(wanted.authorityKeyId ?? issuer?.keyId ?? keyId.keyId),
        ...(wanted.more ?? []),
      ].filter(({ type }) => wanted.without?.includes(type) !== true),
    },
    crypto,
  )
  return { name, keys, keyId: keyId.keyId, der: new Uint8Array(certificate.rawData) }
}

/** Alters what is signed, and signs it anew with the issuer's key. */
export function forge(der: Uint8Array, issuer: Issued, change: (signed: Buffer) => Buffer): Uint8Array {
  const [toBeSigned, algorithm] = readDer(der)?.children ?? []
  const signed = change(Buffer.from(toBeSigned?.bytes ?? []))
  const signature = sign('sha256', signed, KeyObject.from(issuer.keys.privateKey as unknown as webcrypto.CryptoKey))
  const bits = element(0x03, Buffer.concat([Buffer.of(0), signature]))
  return element(0x30, Buffer.concat([signed, Buffer.from(algorithm?.bytes ?? []), bits]))
}

/** One tag, length and value; lengths up to 65,535. */
export function element(tag: number, value: Uint8Array): Buffer {
  const { length } = value
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...header), value])
}

export interface WantedCrl {
  readonly issuer: Issued
  /** Named as the issuer, when it is another than the one who signs. */
  readonly name?: JsonName
  readonly revoked?: readonly string[]
  readonly from?: number
  readonly until?: number | undefined
  readonly more?: readonly Extension[]
  readonly entryExtensions?: readonly Extension[]
}

export async function createCrl(wanted: WantedCrl): Promise<Uint8Array> {
  const { issuer, from = AT - 86_400_000, until = AT + 86_400_000 } = wanted
  const crl = await X509CrlGenerator.create(
    {
      issuer: wanted.name ?? issuer.name,
      thisUpdate: new Date(from),
      ...('until' in wanted && wanted.until === undefined ? {} : { nextUpdate: new Date(until) }),
      entries: (wanted.revoked ?? []).map((serialNumber) => ({
        serialNumber,
        revocationDate: new Date(from),
        extensions: [...(wanted.entryExtensions ?? [])],
      })),
      extensions: [...(wanted.more ?? [])],
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } as EcdsaParams,
      signingKey: issuer.keys.privateKey,
    },
    crypto,
  )
  return new Uint8Array(crl.rawData)
}

export function pem(der: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

export function certificateOf(der: Uint8Array): Certificate {
  const parsed = parseCertificate(der)
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.value
}

/** The verdict over a chain, the device's certificate first, as the command comes to it. */
export function judge(
  chain: readonly (Issued | Uint8Array)[],
  root: Issued | readonly Issued[],
  more: { readonly at?: number; readonly revocation?: readonly RevocationList[] } = {},
): Result<CheckedChain, RefusalCode> {
  const text = chain.map((one) => pem('der' in one ? one.der : one)).join('')
  const read = readChain(Buffer.from(text))
  if (!read.ok) return read
  const roots = [root].flat().map(({ der }) => certificateOf(der))
  return checkChain({ chain: read.value, roots, at: more.at ?? AT, revocation: more.revocation })
}

/** `valid`, or the code of the refusal. */
export function codeOf(outcome: Verdict): string {
  return outcome.ok ? 'valid' : outcome.code
}
