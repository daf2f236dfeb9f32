import 'reflect-metadata'
import { KeyUsageFlags } from '@peculiar/x509'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { type Certificate, serialText } from './certificate.ts'
import { DER_BOOLEAN, DER_INTEGER, DER_SEQUENCE, type DerElement, readDer, timeOf } from './der.ts'
import type { RevocationList } from './revocation-list.ts'
import { readSigned, verifySigned } from './signed.ts'

const VERSION_2 = 1
const EXTENSIONS_TAG = 0xa0

/**
 * Reads a whole and direct CRL (RFC 5280 section 5). Critical extensions make it something else (a delta, a part, one for
 * other issuers), and then it is not used at all (section 5.2).
 * @returns undefined when it cannot be read or used
 */
export function readCrl(der: Uint8Array): RevocationList | undefined {
  const signed = readSigned(readDer(der))
  if (signed === undefined) return undefined
  const [version, algorithm, issuer, thisUpdate, ...rest] = signed.toBeSigned.children
  const from = timeOf(thisUpdate)
  const until = timeOf(rest[0])
  const [first, ...more] = until === undefined ? rest : rest.slice(1)
  const [entries, extensions] = first?.tag === DER_SEQUENCE ? [first.children, more[0]] : [[], first]
  if (
    version?.tag !== DER_INTEGER ||
    version.content[0] !== VERSION_2 ||
    algorithm === undefined ||
    !equalBytes(algorithm.bytes, signed.algorithm.bytes) ||
    issuer?.tag !== DER_SEQUENCE ||
    from === undefined ||
    (extensions !== undefined && extensions.tag !== EXTENSIONS_TAG) ||
    !entries.every(({ children: [serial] }) => serial?.tag === DER_INTEGER) ||
    hasCritical(extensions?.children[0]) ||
    entries.some(({ children }) => hasCritical(children[2]))
  )
    return undefined
  return {
    issuer: issuer.bytes,
    serialNumbers: new Set(entries.map(({ children: [serial] }) => serialText(toHex((serial as DerElement).content)))),
    from,
    until,
    isFrom: (certificate) => maySignCrls(certificate) && verifySigned(signed, certificate.publicKey).ok,
  }
}

/** Section 6.3.3 (f) */
function maySignCrls({ keyUsage }: Certificate): boolean {
  return keyUsage === null || (keyUsage.usages & KeyUsageFlags.cRLSign) !== 0
}

function hasCritical(extensions: DerElement | undefined): boolean {
  return (extensions?.children ?? []).some(
    ({ children: [, critical] }) => critical?.tag === DER_BOOLEAN && critical.content[0] !== 0,
  )
}
