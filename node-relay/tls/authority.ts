import { webcrypto } from 'node:crypto'
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { addressBytes } from './lan-addresses.ts'
import { createNameConstraints, isPermittedAddress, isPermittedDomain } from './name-constraints.ts'

export interface KeyAndCertificate {
  /** PKCS #8, PEM. Secret. */
  readonly key: string
  /** X.509, PEM. */
  readonly cert: string
}

const DAY_MS = 24 * 3_600_000
/** A home's phones trust the CA once, so it must outlive them. */
export const AUTHORITY_DAYS = 20 * 365
/** The longest that browsers take (CA/Browser Forum, Apple). */
export const LEAF_DAYS = 397
/** Made valid this much earlier, for phones whose clock is behind. */
export const BACKDATED_DAYS = 1

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' }
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const crypto = webcrypto as unknown as Crypto

/** The home's own certificate authority: ECDSA P-256, constrained to names and addresses of homes. */
export async function createAuthority(name: string, now: number): Promise<KeyAndCertificate> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: `CN=Lares home ${name}`,
      ...validity(now, AUTHORITY_DAYS),
      signingAlgorithm: SIGNING_ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
        createNameConstraints(),
      ],
    },
    crypto,
  )
  return { key: await exportKey(keys.privateKey), cert: certificate.toString('pem') }
}

/**
 * A server certificate for the names and addresses that the authority may speak for; others are left out, because one
 * of them would make the whole certificate invalid. Lives `LEAF_DAYS`, less where the authority ends sooner.
 */
export async function issueLeaf(
  authority: KeyAndCertificate,
  hosts: readonly string[],
  now: number,
): Promise<KeyAndCertificate> {
  const issuer = new X509Certificate(authority.cert)
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pemBytes(authority.key), ALGORITHM, false, ['sign'])
  const keys = await generateKeys()
  const dates = validity(now, LEAF_DAYS - BACKDATED_DAYS)
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: 'CN=Lares relay',
      issuer: issuer.subject,
      notBefore: dates.notBefore,
      notAfter: new Date(Math.min(dates.notAfter.getTime(), issuer.notAfter.getTime())),
      signingAlgorithm: SIGNING_ALGORITHM,
      signingKey: signingKey as unknown as CryptoKey,
      publicKey: keys.publicKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([SERVER_AUTH]),
        new SubjectAlternativeNameExtension(alternativeNames(hosts)),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
        await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  return { key: await exportKey(keys.privateKey), cert: certificate.toString('pem') }
}

/** Hosts that the home CA may certify, in the order given, each once. */
export function permittedHosts(hosts: readonly string[]): readonly string[] {
  return [...new Set(hosts)].filter((host) => {
    const bytes = addressBytes(host)
    return bytes === undefined ? isPermittedDomain(host) : isPermittedAddress(bytes)
  })
}

function alternativeNames(hosts: readonly string[]): JsonGeneralName[] {
  return permittedHosts(hosts).map((value) => ({ type: addressBytes(value) === undefined ? 'dns' : 'ip', value }))
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as unknown as CryptoKeyPair
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key as unknown as webcrypto.CryptoKey))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
}

function pemBytes(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
}

/** Certificates count in whole seconds. */
function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  const seconds = Math.floor(now / 1_000) * 1_000
  return { notBefore: new Date(seconds - BACKDATED_DAYS * DAY_MS), notAfter: new Date(seconds + days * DAY_MS) }
}

/** 16 random bytes, positive and without a leading zero byte. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(Buffer.alloc(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
