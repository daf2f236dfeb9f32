import { ACCEPT, accept, type Rejection, type Result, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import type { CertificateCode } from './codes.ts'

/** Bits of keyUsage as @peculiar/x509 has them (RFC 5280 section 4.2.1.3). */
export const USAGE = { digitalSignature: 1, keyCertSign: 32, cRLSign: 64 } as const

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const LEAST_RSA_BITS = 2_048
const SIGNATURES = /^(?:ECDSA|RSASSA-PKCS1-v1_5) SHA-(?:256|384|512)$|^RSA-PSS|^EdDSA|^Ed25519/

/** From the device's certificate to a trusted root, both included. */
export type Path = readonly Certificate[]

/**
 * Puts the root below a chain: one of the same name and key is trusted whatever copy the chain carries, since only these
 * two make it (RFC 5280 section 6.1.1 d).
 */
export function buildPath(chain: readonly Certificate[], roots: readonly Certificate[]): Result<Path, CertificateCode> {
  for (const [index, certificate] of chain.entries()) {
    const above = chain[index + 1]
    if (above !== undefined && certificate.issuer !== above.subject)
      return reject('wrong-issuer', `${certificate.subjectText} is not issued by ${above.subjectText}`)
  }
  const last = chain.at(-1)
  if (last === undefined) return reject('malformed-certificate', 'no certificate')
  if (chain.length > 1 && last.subject === last.issuer) {
    const root = roots.find(({ subject, key }) => subject === last.subject && key.equals(last.key))
    if (root === undefined) return reject('unknown-issuer', last.subjectText)
    // The copy is not used, but who altered it meant no good.
    if (!last.isSignedBy(last.key)) return reject('bad-signature', last.subjectText)
    return accept([...chain.slice(0, -1), root])
  }
  const named = roots.filter(({ subject }) => subject === last.issuer)
  // Roots may share a name: then the key tells them apart.
  const root = named.find(({ key }) => last.isSignedBy(key)) ?? named[0]
  if (root === undefined) return reject('unknown-issuer', last.subjectText)
  return accept([...chain, root])
}

/**
 * Path validation (RFC 5280 section 6.1) from the root down, without policies and name constraints: those are critical, and
 * what is critical and unknown is refused.
 *
 * @param at ms since the Unix epoch
 */
export function validatePath(path: Path, at: number): Verdict<CertificateCode> {
  for (let index = path.length - 1; index >= 0; index--) {
    const certificate = path[index] as Certificate
    const issuer = path[index + 1] ?? certificate
    const isRoot = index === path.length - 1
    const verdict =
      validateKey(certificate) ??
      // A root is trusted by itself; whether it has signed itself adds nothing.
      (isRoot ? undefined : validateIssued(certificate, issuer)) ??
      validateTime(certificate, at) ??
      validateExtensions(certificate) ??
      (index === 0 ? validateLeaf(certificate) : validateAuthority(certificate, path.slice(1, index)))
    if (verdict !== undefined) return verdict
  }
  return ACCEPT
}

type Found = Rejection<CertificateCode> | undefined

function fault(code: CertificateCode, { subjectText }: Certificate, detail?: string): Rejection<CertificateCode> {
  return reject(code, detail === undefined ? subjectText : `${subjectText}, ${detail}`)
}

function validateKey(certificate: Certificate): Found {
  const { key, signatureAlgorithm } = certificate
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const type = key.asymmetricKeyType ?? 'unknown'
  if (type === 'ec' && !CURVES.has(namedCurve)) return fault('wrong-curve', certificate, namedCurve)
  const isTrusted = type === 'ec' || type === 'ed25519' || (type.startsWith('rsa') && modulusLength >= LEAST_RSA_BITS)
  if (!isTrusted) return fault('wrong-algorithm', certificate, `a key of ${type} ${modulusLength || ''}`)
  if (!SIGNATURES.test(signatureAlgorithm))
    return fault('wrong-algorithm', certificate, `signed by ${signatureAlgorithm}`)
  return undefined
}

function validateIssued(certificate: Certificate, issuer: Certificate): Found {
  if (certificate.issuer !== issuer.subject) return fault('wrong-issuer', certificate)
  const { issuerKeyId } = certificate
  if (issuerKeyId !== undefined && issuer.keyId !== undefined && issuerKeyId !== issuer.keyId)
    return fault('wrong-key-identifier', certificate)
  return certificate.isSignedBy(issuer.key) ? undefined : fault('bad-signature', certificate)
}

function validateTime(certificate: Certificate, at: number): Found {
  const { notBefore, notAfter } = certificate
  if (at < notBefore) return fault('not-yet-valid', certificate, `from ${new Date(notBefore).toISOString()}`)
  if (at > notAfter) return fault('expired', certificate, `on ${new Date(notAfter).toISOString()}`)
  return undefined
}

function validateExtensions(certificate: Certificate): Found {
  const [unknown] = certificate.unknownCritical
  return unknown === undefined ? undefined : fault('unknown-critical-extension', certificate, unknown)
}

/** @param below what is between it and the device's certificate */
function validateAuthority(certificate: Certificate, below: readonly Certificate[]): Found {
  const { basic, usage } = certificate
  if (certificate.version !== 3) return fault('wrong-version', certificate)
  if (basic?.ca !== true) return fault('not-a-ca', certificate)
  // Those that only renew a key of the same name do not count (RFC 5280 section 4.2.1.9).
  const between = below.filter(({ subject, issuer }) => subject !== issuer).length
  if (basic.pathLength !== undefined && between > basic.pathLength)
    return fault('path-too-long', certificate, `${between} below it; it allows ${basic.pathLength}`)
  if (usage !== undefined && (usage.flags & USAGE.keyCertSign) === 0) return fault('wrong-key-usage', certificate)
  return undefined
}

function validateLeaf(certificate: Certificate): Found {
  const { basic, usage } = certificate
  if (basic?.ca === true) return fault('leaf-is-a-ca', certificate)
  // It is to sign the nonce of whoever asks.
  if (usage !== undefined && (usage.flags & USAGE.digitalSignature) === 0) return fault('wrong-key-usage', certificate)
  return undefined
}
