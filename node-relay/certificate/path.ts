import 'reflect-metadata'
import { ExtendedKeyUsage, KeyUsageFlags } from '@peculiar/x509'
import { equalBytes } from '../../shared/bytes.ts'
import { ACCEPT, type Rejection, reject, type Verdict } from '../../shared/errors.ts'
import { type Certificate, isSameEntity, isSelfIssued } from './certificate.ts'
import type { RefusalCode } from './codes.ts'
import { validateKey } from './key-rules.ts'
import { verifySigned } from './signed.ts'

/** The extensions whose conditions are kept here, or that make none without a policy of one's own. */
const KNOWN_EXTENSIONS = new Set([
  '2.5.29.14', // subjectKeyIdentifier
  '2.5.29.15', // keyUsage
  '2.5.29.17', // subjectAltName: nothing is read from it
  '2.5.29.18', // issuerAltName
  '2.5.29.19', // basicConstraints
  '2.5.29.32', // certificatePolicies: any will do
  '2.5.29.35', // authorityKeyIdentifier
  '2.5.29.37', // extKeyUsage
])
/** Narrows what an authority may certify. It is not evaluated here, so it refuses even where it is not marked critical. */
const NAME_CONSTRAINTS = '2.5.29.30'
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'

export interface CertificatePath {
  /** The device's first, each certified by the next, the last by the anchor. Not empty. */
  readonly path: readonly Certificate[]
  readonly anchor: Certificate
  /** ms */
  readonly at: number
  /** Whether keys must be those of the Matter profile. */
  readonly matter: boolean
}

/**
 * RFC 5280 section 6.1, from the anchor down, without policies and name constraints: whoever demands those is refused.
 * The anchor keeps the rules as well, since the root's own dates and flags are known here.
 */
export function validatePath({ path, anchor, at, matter }: CertificatePath): Verdict<RefusalCode> {
  const all = [...path, anchor]
  // A key that certifies itself by a detour makes every chain as long as one likes.
  const repeated = all.find((one, index) => all.findIndex((other) => isSameEntity(one, other)) !== index)
  if (repeated !== undefined) return reject('repeated-certificate', `${repeated.subject.text} occurs twice`)

  let pathLength = Number.POSITIVE_INFINITY
  for (let index = all.length - 1; index >= 0; index--) {
    const certificate = all[index] as Certificate
    const issuer = all[index + 1]
    const verdicts = [
      () => validateExtensions(certificate),
      () => validateKey(certificate, matter),
      () => (issuer === undefined ? ACCEPT : verifyIssuer(certificate, issuer)),
      () => validateTime(certificate, at),
      () => (index === 0 ? validateLeaf(certificate) : validateAuthority(certificate)),
    ]
    for (const verdict of verdicts) {
      const outcome = verdict()
      if (!outcome.ok) return about(certificate, outcome)
    }
    if (index === 0) break
    // (l), (m): certificates between this one and the device's; renewed keys of one authority do not count.
    if (issuer !== undefined && !isSelfIssued(certificate)) {
      if (pathLength === 0) return about(certificate, reject('path-length', 'one level too many'))
      pathLength--
    }
    pathLength = Math.min(pathLength, certificate.basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY)
  }
  return ACCEPT
}

function about<Code extends string>({ subject }: Certificate, { code, detail }: Rejection<Code>): Rejection<Code> {
  return reject(code, `${subject.text}: ${detail}`)
}

function validateExtensions({ extensions }: Certificate): Verdict<'unknown-critical-extension'> {
  const unknown = extensions.find(({ type, critical }) =>
    critical ? !KNOWN_EXTENSIONS.has(type) : type === NAME_CONSTRAINTS,
  )
  return unknown === undefined ? ACCEPT : reject('unknown-critical-extension', `extension ${unknown.type}`)
}

/** (a)(1), (a)(4); the key identifier first, because a mismatch there explains the false signature. */
function verifyIssuer(
  certificate: Certificate,
  issuer: Certificate,
): Verdict<'wrong-issuer' | 'key-identifier' | 'signature-algorithm' | 'bad-signature'> {
  if (!equalBytes(certificate.issuer.der, issuer.subject.der))
    return reject('wrong-issuer', `issued by ${certificate.issuer.text}, not by ${issuer.subject.text}`)
  const { authorityKeyId } = certificate
  if (authorityKeyId !== undefined && issuer.subjectKeyId !== undefined && authorityKeyId !== issuer.subjectKeyId)
    return reject('key-identifier', `issued with key ${authorityKeyId}, not ${issuer.subjectKeyId}`)
  return verifySigned(certificate.signed, issuer.publicKey)
}

/** (a)(2) */
function validateTime({ notBefore, notAfter }: Certificate, at: number): Verdict<'expired' | 'not-yet-valid'> {
  if (at < notBefore) return reject('not-yet-valid', `valid from ${new Date(notBefore).toISOString()}`)
  return at > notAfter ? reject('expired', `valid until ${new Date(notAfter).toISOString()}`) : ACCEPT
}

/** 6.1.4 (k), (n) */
function validateAuthority({ basicConstraints, keyUsage }: Certificate): Verdict<'not-a-ca' | 'key-usage'> {
  if (basicConstraints?.ca !== true) return reject('not-a-ca', 'the CA flag is not set')
  if (keyUsage !== null && (keyUsage.usages & KeyUsageFlags.keyCertSign) === 0)
    return reject('key-usage', 'not for signing certificates')
  return ACCEPT
}

/** The device signs a nonce with this key (IEEE 802.1AR section 8.10), and certifies nobody. */
function validateLeaf(leaf: Certificate): Verdict<'leaf-is-ca' | 'key-usage' | 'extended-key-usage'> {
  const { basicConstraints, keyUsage, extendedKeyUsage } = leaf
  if (basicConstraints?.ca === true) return reject('leaf-is-ca', 'the CA flag is set')
  if (keyUsage !== null && (keyUsage.usages & KeyUsageFlags.digitalSignature) === 0)
    return reject('key-usage', 'not for signing')
  const purposes: readonly string[] | undefined = extendedKeyUsage?.usages.map(String)
  if (purposes?.some((one) => one === ExtendedKeyUsage.clientAuth || one === ANY_EXTENDED_KEY_USAGE) === false)
    return reject('extended-key-usage', `only for ${purposes.join(', ')}`)
  return ACCEPT
}
