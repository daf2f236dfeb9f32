import { resolve } from 'node:path'
import { LaresError, type Result } from '../../shared/errors.ts'
import type { CheckedChain } from '../certificate/check.ts'
import type { CertificateCode, RefusalCode } from '../certificate/codes.ts'
import { type Command, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { formatJson, formatTime } from './text.ts'

/** A verdict as plain data. */
interface CertificateAnswer {
  readonly verdict: 'valid' | 'refused'
  readonly code: CertificateCode
  readonly sentence: string
  readonly detail: string | undefined
  /** ms: the time that the certificates were judged at */
  readonly at: number
  /** `not-reached`: refused for something else before. */
  readonly revocation: 'no-data' | 'not-reached' | 'valid' | RefusalCode
  readonly profile: 'matter' | 'x509' | undefined
  readonly vendorId: string | undefined
  readonly productId: string | undefined
  /** The device's first, the trusted root last. Of a refused chain, the certificates as they were handed in. */
  readonly path: readonly { readonly subject: string; readonly issuer: string; readonly serialNumber: string }[]
}

export const certificateCheck: Command = {
  name: 'certificate check',
  parameters: 'FILE --roots DIR [--at TIME] [--revocation FILE [--fetched TIME]]',
  summary: 'does this X.509 chain lead to a trusted root? Exit code 0 only if it is valid',
  flags: {
    roots: { type: 'string', hint: 'DIR', help: 'folder of trusted roots: .pem, .crt, .cer, .der, .json' },
    at: {
      type: 'string',
      hint: 'TIME',
      help: 'judge it at this time, as 2026-05-01 or 2026-05-01T12:00:00Z (default now)',
    },
    revocation: { type: 'string', hint: 'FILE', help: 'CRLs (PEM or DER) or a Matter revocation set (JSON)' },
    fetched: { type: 'string', hint: 'TIME', help: 'when the Matter revocation set was fetched: it bears no date' },
    json: JSON_FLAG,
  },
  positionals: ['FILE'],
  async run(input, context) {
    const { roots, revocation, json } = input.values
    if (typeof roots !== 'string') throw new LaresError('usage', 'Name the folder of trusted roots with --roots DIR.')
    const at = timeOf(input.values['at'], '--at') ?? context.now()
    const fetched = timeOf(input.values['fetched'], '--fetched')
    const answer = await check({
      file: resolve(context.cwd, input.positionals[0] ?? ''),
      roots: resolve(context.cwd, roots),
      at,
      revocation: typeof revocation === 'string' ? resolve(context.cwd, revocation) : undefined,
      fetched,
    })
    context.print(json === true ? formatJson(answer) : describe(answer))
    return answer.verdict === 'valid' ? EXIT_OK : EXIT_FAILED
  },
}

interface Question {
  readonly file: string
  readonly roots: string
  readonly at: number
  readonly revocation: string | undefined
  readonly fetched: number | undefined
}

/** Loads the checker only now: other commands need no X.509. */
async function check({ file, roots: directory, at, revocation, fetched }: Question): Promise<CertificateAnswer> {
  const [{ readRoots }, { readBounded }, { readChain, MAX_CHAIN_LENGTH }, revocations, { checkChain }, codes] =
    await Promise.all([
      import('../certificate/roots.ts'),
      import('../certificate/read-bounded.ts'),
      import('../certificate/read-chain.ts'),
      import('../certificate/revocation.ts'),
      import('../certificate/check.ts'),
      import('../certificate/codes.ts'),
    ])
  const roots = readRoots(directory)
  const chain = readChain(readBounded(file, MAX_CHAIN_LENGTH))
  const lists =
    revocation === undefined
      ? undefined
      : revocations.readRevocation(readBounded(revocation, revocations.MAX_REVOCATION_LENGTH), fetched)
  const outcome: Result<CheckedChain, RefusalCode> = !chain.ok
    ? chain
    : lists?.ok === false
      ? lists
      : checkChain({ chain: chain.value, roots, at, revocation: lists?.value })
  const code = outcome.ok ? 'valid' : outcome.code
  const path = outcome.ok ? [...outcome.value.path, outcome.value.anchor] : chain.ok ? chain.value.certificates : []
  return {
    verdict: outcome.ok ? 'valid' : 'refused',
    code,
    sentence: codes.CERTIFICATE_SENTENCES[code],
    detail: outcome.ok ? undefined : outcome.detail,
    at,
    revocation:
      lists === undefined ? 'no-data' : outcome.ok ? 'valid' : code.startsWith('revo') ? outcome.code : 'not-reached',
    profile: outcome.ok ? (outcome.value.matter === undefined ? 'x509' : 'matter') : undefined,
    vendorId: outcome.ok ? outcome.value.matter?.vendorId : undefined,
    productId: outcome.ok ? outcome.value.matter?.productId : undefined,
    path: path.map(({ subject, issuer, serialNumber }) => ({
      subject: subject.text,
      issuer: issuer.text,
      serialNumber,
    })),
  }
}

const REVOCATION_WORDS: Readonly<Record<string, string>> = {
  'no-data': 'not checked: no data was given with --revocation',
  'not-reached': 'not checked: refused before',
  valid: 'none of them is revoked',
}

function describe(answer: CertificateAnswer): string {
  const { verdict, code, sentence, detail, at, profile, vendorId, productId, path } = answer
  return [
    `${verdict === 'valid' ? 'VALID' : 'REFUSED'}: ${sentence}`,
    `  Code        ${code}`,
    ...(detail === undefined ? [] : [`  Because     ${detail}`]),
    ...path.map(({ subject }, index) => `  ${index === 0 ? 'Subject  ' : 'Issued by'}   ${subject}`),
    ...(profile === undefined ? [] : [`  Profile     ${profile === 'matter' ? 'Matter' : 'X.509 (RFC 5280)'}`]),
    ...(vendorId === undefined ? [] : [`  Vendor ID   ${vendorId}`, `  Product ID  ${productId}`]),
    `  Judged at   ${formatTime(at)}`,
    `  Revocation  ${REVOCATION_WORDS[answer.revocation] ?? answer.revocation}`,
  ].join('\n')
}

/** A day, or a time with its zone: a time without one would mean another moment on another PC (ISO 8601). */
function timeOf(value: unknown, flag: string): number | undefined {
  if (value === undefined) return undefined
  const [, day = ''] =
    /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(String(value)) ?? []
  const time = Date.parse(String(value))
  // Date takes 30 February for 2 March.
  const midnight = Date.parse(day)
  if (Number.isNaN(time) || Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day))
    throw new LaresError('usage', `${flag} must be a day or a time with its zone: 2026-05-01 or 2026-05-01T12:00:00Z.`)
  return time
}
