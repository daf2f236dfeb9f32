import { accept, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import type { RefusalCode } from './codes.ts'
import { readPem } from './pem.ts'

/** A chain as it was handed in, nothing of it checked but its form. */
export interface Chain {
  /** The device's own first. Not empty. */
  readonly certificates: readonly Certificate[]
  /** Whether it was handed in as a Matter chain: a test vector has no other kind. */
  readonly matter: boolean
}

/** Room for a whole chain as PEM, with the words that tools write between the blocks. */
export const MAX_CHAIN_LENGTH = 256 * 1024
/** Matter has 3, phones up to 5. Each costs a signature. */
const MAX_CHAIN_CERTIFICATES = 10

/** Reads a PEM chain, the device's certificate first, or a Matter test vector: JSON with `dac_cert` and `pai_cert` in hex. */
export function readChain(bytes: Uint8Array): Result<Chain, RefusalCode> {
  if (bytes.length > MAX_CHAIN_LENGTH) return reject('too-large', `more than ${MAX_CHAIN_LENGTH} bytes`)
  const text = Buffer.from(bytes).toString('latin1')
  const matter = text.trimStart().startsWith('{')
  const encoded = matter ? readVector(text) : readPem(text, 'CERTIFICATE', MAX_CHAIN_CERTIFICATES)
  if (encoded === undefined || encoded.length === 0)
    return reject('malformed', matter ? 'no dac_cert and pai_cert in hex' : 'no whole PEM block CERTIFICATE')
  if (encoded.length > MAX_CHAIN_CERTIFICATES) return reject('chain-too-long', `more than ${MAX_CHAIN_CERTIFICATES}`)
  const parsed = encoded.map(parseCertificate)
  const bad = parsed.findIndex(({ ok }) => !ok)
  if (bad >= 0) {
    const { code, detail } = parsed[bad] as Rejection<RefusalCode>
    return reject(code, `certificate ${bad + 1} of ${parsed.length}: ${detail}`)
  }
  return accept({ certificates: parsed.flatMap((one) => (one.ok ? [one.value] : [])), matter })
}

function readVector(text: string): Uint8Array[] | undefined {
  try {
    const { dac_cert: dac, pai_cert: pai } = JSON.parse(text) as Record<string, unknown>
    return isHex(dac) && isHex(pai) ? [Buffer.from(dac, 'hex'), Buffer.from(pai, 'hex')] : undefined
  } catch {
    return undefined
  }
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[0-9a-f]{2})+$/i.test(value)
}
