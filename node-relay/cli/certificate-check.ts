import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { Certificate } from '../certificate/certificate.ts'
import { type CheckedChain, checkChain } from '../certificate/check-chain.ts'
import { CERTIFICATE_SENTENCES, type CertificateCode } from '../certificate/codes.ts'
import { MAX_FILE_BYTES, MAX_ROOTS, readChain, readRoots } from '../certificate/read-chain.ts'
import { type RevocationList, readRevocations } from '../certificate/revocation.ts'
import type { ParsedFlags } from '../config.ts'
import { type CliContext, EXIT_FAILED, EXIT_OK } from './command.ts'
import { formatJson, formatTable } from './text.ts'

/** Files with roots in one folder. */
const MAX_ROOT_FILES = 256
const ROOT_FILE = /\.(?:pem|crt|cer|der|json)$/i

export async function runCertificateCheck(input: ParsedFlags, context: CliContext): Promise<number> {
  const place = (name: string) => resolve(context.cwd, name)
  const { roots: rootsDir, at: moment, revocation } = input.values as Readonly<Record<string, string | undefined>>
  if (rootsDir === undefined) throw new LaresError('usage', 'Name the folder with the trusted roots: --roots DIR.')
  const at = moment === undefined ? context.now() : Date.parse(moment)
  if (!Number.isFinite(at)) throw new LaresError('usage', '--at must be a moment such as 2024-09-20T12:00:00Z.')

  const roots = readFolder(place(rootsDir)).flatMap((file) => rootsIn(file))
  if (roots.length > MAX_ROOTS)
    throw new LaresError('too-many-roots', `${rootsDir} has ${roots.length} roots; at most ${MAX_ROOTS}.`)
  const revocations = revocation === undefined ? undefined : revocationsIn(place(revocation))
  const chain = readChain(Buffer.from(readBounded(place(input.positionals[0] ?? ''))).toString('utf8'))
  const checked = chain.ok ? await checkChain({ chain: chain.value, roots, at, revocations }) : chain
  const isJson = input.values['json'] === true
  if (checked.ok) {
    context.print(isJson ? formatJson(viewOf(checked.value)) : describe(checked.value))
    return EXIT_OK
  }
  const { code, detail } = checked
  const sentence = CERTIFICATE_SENTENCES[code as CertificateCode]
  context.print(
    isJson ? formatJson({ verdict: 'refused', code, sentence, detail }) : `Not valid (${code}). ${sentence}\n${detail}`,
  )
  return EXIT_FAILED
}

function describe(checked: CheckedChain): string {
  const { profile, ids, path, revocation } = checked
  const facts = [
    ['Profile', profile === 'Matter' ? `Matter, vendor ${ids?.vendor}, product ${ids?.product}` : 'X.509'],
    [
      'Revocation',
      revocation === 'none' ? 'none of the chain is revoked' : 'NOT CHECKED: name a list with --revocation',
    ],
    ...path.map(({ subjectText }, index) => [roleOf(index, path.length), subjectText]),
  ]
  return `Valid: the chain leads to a trusted root.\n${formatTable(facts)}`
}

function roleOf(index: number, length: number): string {
  return index === 0 ? 'Device' : index === length - 1 ? 'Root' : 'Issued by'
}

function viewOf({ profile, ids, path, revocation }: CheckedChain) {
  const certificates = path.map(({ subjectText, serial, notBefore, notAfter }) => ({
    subject: subjectText,
    serial,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
  }))
  return {
    verdict: 'valid',
    code: 'valid',
    profile,
    vendor: ids?.vendor,
    product: ids?.product,
    revocation,
    path: certificates,
  }
}

function rootsIn(file: string): Certificate[] {
  const read = readRoots(readBounded(file))
  if (!read.ok)
    throw new LaresError(read.code, `${file} is no root certificate (${read.detail}); take it out of the folder.`)
  return read.value
}

function revocationsIn(path: string): RevocationList[] {
  const files = isFolder(path) ? readFolder(path, /./) : [path]
  return files.flatMap((file) => {
    const read = readRevocations(readBounded(file))
    if (!read.ok) throw new LaresError(read.code, `${file} is no list of revocations (${read.detail}).`)
    return read.value
  })
}

function readFolder(path: string, wanted = ROOT_FILE): string[] {
  if (!isFolder(path)) throw new LaresError('cannot-read', `${path} is no folder; name one with --roots.`)
  const names = readdirSync(path)
    .filter((name) => wanted.test(name) && statSync(join(path, name)).isFile())
    .sort()
  if (names.length > MAX_ROOT_FILES)
    throw new LaresError('too-many-roots', `${path} has ${names.length} files; at most ${MAX_ROOT_FILES}.`)
  return names.map((name) => join(path, name))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function readBounded(path: string): Uint8Array {
  try {
    if (statSync(path).size > MAX_FILE_BYTES)
      throw new LaresError('file-too-large', `${path} is larger than ${MAX_FILE_BYTES} bytes; check the file name.`)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof LaresError) throw error
    throw new LaresError(
      'cannot-read',
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}); check the file name.`,
    )
  }
}
