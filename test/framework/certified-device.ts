/** Matter's own test devices as Lares meets them: the chain to the root, the key, and revocation data of today. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Certificate, parseCertificate } from '../../node-relay/certificate/certificate.ts'
import { readPem } from '../../node-relay/certificate/pem.ts'

/** Written by others, kept outside the project. */
const MATTER = join(process.env['LARES_VECTORS'] ?? resolve(import.meta.dirname, '../../../shared/vectors'), 'matter')
export const ROOT_FILE = join(MATTER, 'Chip-Test-PAA-FFF1-Cert.pem')
export const REVOCATION_FILE = join(MATTER, 'revocation-set-for-pai.json')
export const hasMatter = existsSync(ROOT_FILE)
/** For the name of what cannot run without them. */
export const MATTER_ABSENT = hasMatter ? '' : ` (not run: nothing at ${MATTER}; set LARES_VECTORS)`

export interface MatterDevice {
  /** DER: device, intermediate, root. */
  readonly chain: readonly Uint8Array[]
  readonly privateKey: KeyObject
}

/** @param name of the vector, without `.json` */
export function matterDevice(name: string): MatterDevice {
  const vector = JSON.parse(readFileSync(join(MATTER, `${name}.json`), 'utf8')) as Record<string, string>
  const hex = (field: string) => Buffer.from(vector[field] ?? '', 'hex')
  const point = hex('dac_public_key')
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: name.endsWith('secp256k1') ? 'secp256k1' : 'P-256',
      d: hex('dac_private_key').toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  return { chain: [hex('dac_cert'), hex('pai_cert'), matterRoot()], privateKey }
}

export function matterRoot(): Uint8Array {
  return readPem(readFileSync(ROOT_FILE, 'latin1'), 'CERTIFICATE', 1)?.[0] as Uint8Array
}

/** A Matter revocation set in which the issuers of these chains revoke nothing. */
export function nothingRevoked(chains: readonly (readonly Uint8Array[])[]): string {
  const issuers = chains.flatMap((chain) => chain.slice(1))
  return JSON.stringify(
    issuers.map((der) => {
      const parsed = parseCertificate(der)
      if (!parsed.ok) throw new Error(parsed.detail)
      const issuer: Certificate = parsed.value
      return {
        type: 'revocation_set',
        issuer_subject_key_id: issuer.subjectKeyId,
        issuer_name: Buffer.from(issuer.subject.der).toString('base64'),
        revoked_serial_numbers: [],
        crl_signer_cert: Buffer.from(der).toString('base64'),
      }
    }),
  )
}
