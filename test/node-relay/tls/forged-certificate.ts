import { createPrivateKey, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { SubjectAlternativeNameExtension, X509Certificate, X509CertificateGenerator } from '@peculiar/x509'
import type { KeyAndCertificate } from '../../../node-relay/tls/authority.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }

/** What a thief of the authority's key can sign: a leaf for any one host, without the relay's own check of names. */
export async function forgeLeaf(authority: KeyAndCertificate, host: string): Promise<KeyAndCertificate> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair
  const der = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' })
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: '41',
      subject: 'CN=forged',
      issuer: new X509Certificate(authority.cert).subject,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      signingKey: signingKey as unknown as CryptoKey,
      publicKey: keys.publicKey,
      extensions: [new SubjectAlternativeNameExtension([{ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }])],
    },
    webcrypto as unknown as Crypto,
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey)
  const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(pkcs8).toString('base64')}\n-----END PRIVATE KEY-----\n`
  return { key, cert: certificate.toString('pem') }
}
