// Loads reflect-metadata, without which @peculiar/x509 refuses to load.
import '@libp2p/webrtc'

import { webcrypto } from 'node:crypto'
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509'
import { base64urlnopad } from '@scure/base'
import { concatBytes } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/hash.ts'

/** What `webRTCDirect({ certificate })` takes, and what the relay keeps beside its keys. Text, fit for JSON. */
export interface WebRtcCertificate {
  /** PKCS #8, PEM. Secret. */
  readonly privateKey: string
  /** X.509, PEM. */
  readonly pem: string
  /** Multibase (base64url) multihash (SHA-256) of the DER certificate, as in `/certhash/uEi…`. */
  readonly certhash: string
}

/**
 * Years a certificate is good for. It stands for nothing but its own hash, which is part of the relay's address and
 * printed on labels, so it must outlive the relay. WebRTC peers compare the hash and do not look at the dates (RFC 8827).
 */
export const WEBRTC_CERTIFICATE_YEARS = 20

const YEAR_MS = 365.25 * 24 * 3_600_000
/** Made valid a day early, for peers whose clock is behind. */
const BACKDATED_MS = 24 * 3_600_000

const MULTIBASE_BASE64URL = 'u'
const MULTIHASH_SHA256 = Uint8Array.of(0x12, 32)

/** ECDSA P-256, the curve every WebRTC stack takes. Made once: another certificate is another address. */
export async function createWebRtcCertificate(now = Date.now()): Promise<WebRtcCertificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: 'CN=WebRTC',
      notBefore: wholeSeconds(now - BACKDATED_MS),
      notAfter: wholeSeconds(now + WEBRTC_CERTIFICATE_YEARS * YEAR_MS),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [new BasicConstraintsExtension(false, undefined, true)],
    },
    webcrypto as unknown as Crypto,
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey)
  const digest = sha256(new Uint8Array(certificate.rawData))
  return {
    privateKey: pem('PRIVATE KEY', Buffer.from(pkcs8)),
    pem: certificate.toString('pem'),
    certhash: MULTIBASE_BASE64URL + base64urlnopad.encode(concatBytes(MULTIHASH_SHA256, digest)),
  }
}

/** 16 random bytes, positive and without a leading zero byte. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(Buffer.alloc(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1_000) * 1_000)
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
