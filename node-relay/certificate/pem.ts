/** The label of a certificate and of a revocation list (RFC 7468 sections 5 and 6). */
export type PemLabel = 'CERTIFICATE' | 'X509 CRL'

/**
 * The blocks of one label in a text, decoded, in order; other blocks and the words around them are passed over.
 * @param limit one more than that is never decoded
 * @returns undefined when a block is damaged: cut short, or not plain base64
 */
export function readPem(text: string, label: PemLabel, limit: number): Uint8Array[] | undefined {
  const begin = `-----BEGIN ${label}-----`
  const end = `-----END ${label}-----`
  const blocks: Uint8Array[] = []
  for (const part of text.split(begin, limit + 2).slice(1)) {
    const length = part.indexOf(end)
    const base64 = part.slice(0, Math.max(length, 0)).replace(/\s/g, '')
    const bytes = Buffer.from(base64, 'base64')
    // Buffer passes over what is not base64; a block must have one form only.
    if (length < 0 || base64 === '' || bytes.toString('base64') !== base64) return undefined
    blocks.push(bytes)
  }
  return blocks
}
