import { type KeyObject, verify } from 'node:crypto'
import { ACCEPT, reject, type Verdict } from '../../shared/errors.ts'
import { DER_BIT_STRING, DER_OID, DER_SEQUENCE, type DerElement, oidText } from './der.ts'

/** `SEQUENCE { toBeSigned, algorithm, signature }`: how certificates and revocation lists are signed (RFC 5280 4.1.1). */
export interface Signed {
  readonly toBeSigned: DerElement
  readonly algorithm: DerElement
  readonly signature: Uint8Array
}

/** What RFC 5280 profiles still count as sound, by key and hash. SHA-1 is forged for a price, PSS is used by none of ours. */
const ALGORITHMS: Readonly<Record<string, { readonly key: 'ec' | 'rsa'; readonly hash: string }>> = {
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
}

/** @returns undefined when the element is nothing signed */
export function readSigned(element: DerElement | undefined): Signed | undefined {
  const [toBeSigned, algorithm, signature, ...more] = element?.children ?? []
  if (element?.tag !== DER_SEQUENCE) return undefined
  if (toBeSigned?.tag !== DER_SEQUENCE || algorithm?.tag !== DER_SEQUENCE || signature?.tag !== DER_BIT_STRING)
    return undefined
  if (more.length > 0 || algorithm.children[0]?.tag !== DER_OID || signature.content[0] !== 0) return undefined
  return { toBeSigned, algorithm, signature: signature.content.subarray(1) }
}

/** Dotted OID of the algorithm. */
export function signatureAlgorithm({ algorithm }: Signed): string {
  return oidText(algorithm.children[0] as DerElement)
}

/** Verifies over the bytes as they came, never over a re-encoding. */
export function verifySigned(signed: Signed, key: KeyObject): Verdict<'signature-algorithm' | 'bad-signature'> {
  const oid = signatureAlgorithm(signed)
  const algorithm = ALGORITHMS[oid]
  if (algorithm === undefined) return reject('signature-algorithm', `algorithm ${oid}`)
  if (key.asymmetricKeyType !== algorithm.key) return reject('bad-signature', 'it is for another kind of key')
  return verify(algorithm.hash, signed.toBeSigned.bytes, key, signed.signature)
    ? ACCEPT
    : reject('bad-signature', 'it does not hold under the key of the issuer')
}
