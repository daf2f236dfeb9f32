import { toHex } from '../../shared/bytes.ts'
import { type Certificate, isSameEntity, parseCertificate, serialText } from './certificate.ts'
import type { RevocationList } from './revocation-list.ts'

/**
 * A Matter revocation set bears no date, so how old it may be is said here: as long as a CRL is usually good for. Without
 * the time at which it was fetched it is of no time, and can only revoke.
 */
const MAX_SET_AGE_MS = 7 * 86_400_000

/**
 * Reads a Matter revocation set: a JSON list of
 * `{ type: "revocation_set", issuer_subject_key_id, issuer_name, revoked_serial_numbers, crl_signer_cert }`, with names and
 * certificates as base64 of DER and the rest in hex. Its entries are trusted as the file is; the certificate in each says
 * which key signed the CRL that it was made from, and that must be the issuer's own: delegated signers are not taken.
 * @param fetched ms
 * @returns undefined when it is something else; single entries are undefined when they cannot be read
 */
export function readRevocationSet(
  text: string,
  fetched: number | undefined,
): (RevocationList | undefined)[] | undefined {
  try {
    const entries: unknown = JSON.parse(text)
    return Array.isArray(entries) ? entries.map((entry) => readEntry(entry, fetched)) : undefined
  } catch {
    return undefined
  }
}

function readEntry(entry: unknown, fetched: number | undefined): RevocationList | undefined {
  const {
    type,
    issuer_subject_key_id: keyId,
    issuer_name: name,
    revoked_serial_numbers: serials,
    crl_signer_cert: signerCertificate,
  } = (entry ?? {}) as Record<string, unknown>
  if (type !== 'revocation_set' || !isHex(keyId) || typeof name !== 'string' || typeof signerCertificate !== 'string')
    return undefined
  if (!Array.isArray(serials) || !serials.every(isHex)) return undefined
  const signer = parseCertificate(Buffer.from(signerCertificate, 'base64'))
  if (!signer.ok) return undefined
  return {
    issuer: Buffer.from(name, 'base64'),
    serialNumbers: new Set(serials.map(serialText)),
    from: fetched,
    until: fetched === undefined ? undefined : fetched + MAX_SET_AGE_MS,
    isFrom: (issuer: Certificate) =>
      issuer.subjectKeyId === toHex(Buffer.from(keyId, 'hex')) && isSameEntity(signer.value, issuer),
  }
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[0-9a-f]{2})+$/i.test(value)
}
