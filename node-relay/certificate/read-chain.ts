import { accept, type Result, reject } from '../../shared/errors.ts'
import { type Certificate, readCertificate } from './certificate.ts'

/** Certificates of one chain, its root included. */
export const MAX_CHAIN = 8
/** A file with a chain, with roots or with revocations. */
export const MAX_FILE_BYTES = 1024 * 1024
/** Trusted roots in one check. */
export const MAX_ROOTS = 1_024

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

type ReadCode = 'malformed-certificate' | 'too-many-certificates'

/**
 * A chain, the device's certificate first: PEM blocks one after the other, or a test vector of Matter (JSON with `dac_cert`
 * and `pai_cert` in hexadecimal).
 */
export function readChain(text: string): Result<Certificate[], ReadCode> {
  const vector = readVector(text)
  return readAll(vector ?? pemBlocks(text), MAX_CHAIN)
}

/** Roots from a file: PEM blocks, a JSON list of such texts, or DER. */
export function readRoots(bytes: Uint8Array): Result<Certificate[], ReadCode> {
  const text = Buffer.from(bytes).toString('utf8')
  const json = readJson(text)
  const blocks = pemBlocks(Array.isArray(json) ? json.filter((one) => typeof one === 'string').join('\n') : text)
  return readAll(blocks.length === 0 ? [bytes] : blocks, MAX_ROOTS)
}

function readAll(blocks: readonly (Uint8Array | undefined)[], most: number): Result<Certificate[], ReadCode> {
  if (blocks.length === 0) return reject('malformed-certificate', 'no certificate in it')
  if (blocks.length > most) return reject('too-many-certificates', `${blocks.length} certificates; at most ${most}`)
  const found: Certificate[] = []
  for (const block of blocks) {
    const read = block === undefined ? reject('malformed-certificate' as const, 'not PEM') : readCertificate(block)
    if (!read.ok) return read
    found.push(read.value)
  }
  return accept(found)
}

function pemBlocks(text: string): (Uint8Array | undefined)[] {
  return [...text.matchAll(PEM)].map(([block]) => {
    const body = block.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '')
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(body)) return undefined
    return new Uint8Array(Buffer.from(body, 'base64'))
  })
}

function readVector(text: string): (Uint8Array | undefined)[] | undefined {
  const json = readJson(text)
  if (typeof json !== 'object' || json === null || !('dac_cert' in json)) return undefined
  const { dac_cert: device, pai_cert: intermediate } = json as {
    readonly dac_cert: unknown
    readonly pai_cert?: unknown
  }
  return [device, intermediate].filter((hex) => hex !== undefined).map(fromHex)
}

function fromHex(hex: unknown): Uint8Array | undefined {
  return typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : undefined
}

export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
