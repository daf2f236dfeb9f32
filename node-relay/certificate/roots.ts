import { readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { type Certificate, isSelfIssued, parseCertificate } from './certificate.ts'
import { readPem } from './pem.ts'
import { readBounded } from './read-bounded.ts'

/** Google's list has 2 roots, the one of Matter about 100. */
const MAX_ROOTS = 1_024
const MAX_ROOT_FILE_LENGTH = 4 * 1024 * 1024
const ROOT_FILES = ['.pem', '.crt', '.cer', '.der', '.json']

/**
 * The roots of a folder: the certificates there that name themselves as issuer, in files with PEM blocks, with one
 * certificate as DER, or with a JSON list of PEM texts. Other certificates and files are passed over: an authority below a
 * root is not trusted by lying beside it. Whoever names the folder trusts all its roots, so a damaged file is an error.
 * @throws {LaresError} `cannot-read`, `bad-root`, `no-roots`, `too-many-roots`: a sentence for a person
 */
export function readRoots(directory: string): readonly Certificate[] {
  const roots: Certificate[] = []
  for (const name of filesOf(directory)) {
    const path = join(directory, name)
    roots.push(...readRootFile(path))
    if (roots.length > MAX_ROOTS)
      throw new LaresError('too-many-roots', `${directory} has more than ${MAX_ROOTS} roots: name a folder with fewer.`)
  }
  if (roots.length === 0)
    throw new LaresError(
      'no-roots',
      `There is no root in ${directory}: put files there that end in ${ROOT_FILES.join(', ')}.`,
    )
  return roots
}

/** The roots of one file, as above. @throws {LaresError} `cannot-read`, `bad-root` */
export function readRootFile(path: string): readonly Certificate[] {
  return certificatesOf(readBounded(path, MAX_ROOT_FILE_LENGTH), path).flatMap((der) => {
    const parsed = parseCertificate(der)
    if (!parsed.ok)
      throw new LaresError('bad-root', `${path} holds no certificate that can be a root: ${parsed.detail}.`)
    return isSelfIssued(parsed.value) ? [parsed.value] : []
  })
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => ROOT_FILES.includes(extname(name).toLowerCase()))
      .sort()
  } catch (error) {
    throw new LaresError(
      'cannot-read',
      `${directory} cannot be read (${(error as NodeJS.ErrnoException).code}); name a folder with --roots.`,
    )
  }
}

function certificatesOf(bytes: Uint8Array, path: string): readonly Uint8Array[] {
  const damaged = () => new LaresError('bad-root', `${path} is damaged, or too large.`)
  if (bytes.length > MAX_ROOT_FILE_LENGTH) throw damaged()
  const text = Buffer.from(bytes).toString('latin1')
  const isJson = extname(path).toLowerCase() === '.json'
  if (!isJson && !text.includes('-----BEGIN ')) return [bytes]
  let pem = text
  if (isJson)
    try {
      const list: unknown = JSON.parse(text)
      pem = Array.isArray(list) ? list.filter((one) => typeof one === 'string').join('\n') : ''
    } catch {
      throw damaged()
    }
  const blocks = readPem(pem, 'CERTIFICATE', MAX_ROOTS)
  if (blocks === undefined) throw damaged()
  return blocks
}
