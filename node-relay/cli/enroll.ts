import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { toHex } from '../../shared/bytes.ts'
import { deriveSeed, encodeRecoveryWords, RECOVERY_ENTROPY_LENGTH } from '../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { readKey } from '../../shared/fleet/row.ts'
import { diskError } from '../backup/disk-error.ts'
import type { Setting } from '../config.ts'
import type { EnrolAnswer, EnrolOptions, RowStatus } from '../fleet/door.ts'
import { MAX_VOUCHER_DAYS } from '../fleet/fleet-routes.ts'
import { type CheckedRows, readCheckedRows } from '../fleet/read-checked-rows.ts'
import { assertResultFile, type ResultRow, writeResultFile } from '../fleet/result-file.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { assertOutput } from './output-file.ts'
import { formatJson } from './text.ts'
import { wordsBox } from './words-box.ts'

const DEFAULT_DAYS = 30
/** Bad rows that are printed; the result file has them all. */
const MAX_PRINTED_ROWS = 100
/** Twenty thousand vouchers on a busy PC. ms */
const ENROL_TIMEOUT_MS = 10 * 60_000
const MAX_ENROL_ANSWER = 32 * 1024 * 1024

export const enroll: Command = {
  name: 'enroll',
  parameters: 'FILE [--out RESULT.csv]',
  summary: 'let the devices of a CSV or JSON file in, and note their names in the private directory',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    out: {
      type: 'string',
      hint: 'FILE',
      help: 'where the result goes (default FILE.result.csv); it holds the vouchers',
    },
    days: { type: 'string', hint: 'D', help: `vouchers run for so many days (default ${DEFAULT_DAYS})` },
    'recovery-key': {
      type: 'string',
      hint: 'KEY',
      help: 'public key that may replace the keys of devices whose row names none (made at the first enrolment otherwise)',
    },
    update: { type: 'boolean', hint: '', help: 'take over changed names, models and MAC addresses' },
    json: JSON_FLAG,
  },
  positionals: ['FILE'],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const path = resolve(context.cwd, input.positionals[0] as string)
    const out = resolve(context.cwd, (input.values['out'] as string | undefined) ?? `${path}.result.csv`)
    const options = optionsOf(input.values)
    assertOutput(out)
    assertResultFile(out)
    // Before the long work: without a relay there is nobody to enrol them.
    await askRelay(dataDir, '/join')
    const rows = await readCheckedRows(path, (done, all) => progress(context, `Checked ${done} of ${all} rows.`))
    const answer = await enrol(dataDir, rows, options, context)
    const results = resultsOf(rows, answer)
    keepResults(out, results)
    const summary = summaryOf(results, answer.devices)
    if (input.values['json'] === true) context.print(formatJson({ ...summary, out, rows: results }))
    else context.print(describe(path, out, summary, results))
    return summary.refused === 0 ? EXIT_OK : EXIT_FAILED
  },
}

function keepResults(out: string, results: readonly ResultRow[]): void {
  try {
    writeResultFile(out, results)
  } catch (error) {
    throw diskError(
      error,
      out,
      'The devices are enrolled all the same: run it again with another --out, and it writes the same vouchers.',
    )
  }
}

/** Says how far it is, to a person only. */
function progress(context: CliContext, sentence: string): void {
  if (context.columns !== undefined) context.printError(sentence)
}

async function enrol(dataDir: string, { good }: CheckedRows, options: EnrolOptions, context: CliContext) {
  progress(context, `The relay enrols ${good.length} rows.`)
  const ask = (recoveryKey: string | undefined) =>
    askRelay<EnrolAnswer>(dataDir, '/fleet/enrol', 'POST', {
      body: { rows: good.map(({ row }) => row), options: { ...options, recoveryKey } },
      timeoutMs: ENROL_TIMEOUT_MS,
      maxAnswerBytes: MAX_ENROL_ANSWER,
    })
  try {
    return await ask(options.recoveryKey)
  } catch (error) {
    if (!(error instanceof LaresError) || error.code !== 'recovery-key-needed') throw error
    // The words are shown before anything counts on them.
    return await ask(await makeRecoveryKey(context))
  }
}

/** Makes the recovery key of a fleet; its private half is in the words, and nowhere else. */
async function makeRecoveryKey(context: CliContext): Promise<string> {
  const { RECOVERY_WORDLIST } = await import('../../shared/crypto/recovery-wordlist.ts')
  const entropy = new Uint8Array(randomBytes(RECOVERY_ENTROPY_LENGTH))
  context.printError(
    wordsBox(encodeRecoveryWords(entropy, RECOVERY_WORDLIST), {
      title: 'RECOVERY WORDS OF THIS FLEET, shown only now and kept nowhere.',
      explanation: [
        'Write them on paper, in this order, and keep the paper safe. They replace',
        'the key of a device of this fleet that was lost or stolen. Whoever has',
        'them can do that with all of these devices.',
      ],
    }),
  )
  return toHex(createSeedSigner(deriveSeed(entropy, 'recovery')).publicKey)
}

/** @throws {LaresError} `usage` */
function optionsOf(values: Readonly<Record<string, Setting | undefined>>): EnrolOptions {
  const { days = String(DEFAULT_DAYS), 'recovery-key': recoveryKey, update = false } = values
  const count = typeof days === 'string' && /^\d{1,4}$/.test(days) ? Number(days) : 0
  if (count < 1 || count > MAX_VOUCHER_DAYS)
    throw new LaresError('usage', `--days must be a whole number from 1 to ${MAX_VOUCHER_DAYS}, not "${days}".`)
  const key = recoveryKey === undefined ? undefined : readKey(String(recoveryKey))
  if (key?.ok === false) throw new LaresError('usage', `--recovery-key is none: ${key.detail}.`)
  return { days: count, recoveryKey: key && toHex(key.value), update: update === true }
}

/** In the order of the file. */
function resultsOf({ good, bad }: CheckedRows, { outcomes }: EnrolAnswer): ResultRow[] {
  const results: ResultRow[] = bad.map(({ line, code, detail }) => ({
    line,
    name: '',
    serial: '',
    status: 'refused',
    code,
    detail,
  }))
  for (const [i, { line, row }] of good.entries()) {
    const outcome = outcomes[i]
    if (outcome === undefined) throw new LaresError('internal', 'The relay gave fewer answers than it got rows.')
    results.push({ line, name: row.name, serial: row.serial, ...outcome })
  }
  return results.sort((a, b) => a.line - b.line)
}

type Summary = { readonly rows: number; readonly devices: number } & Readonly<Record<RowStatus, number>>

function summaryOf(results: readonly ResultRow[], devices: number): Summary {
  const count = (status: RowStatus) => results.filter((row) => row.status === status).length
  return {
    rows: results.length,
    devices,
    expected: count('expected'),
    voucher: count('voucher'),
    renewed: count('renewed'),
    updated: count('updated'),
    kept: count('kept'),
    refused: count('refused'),
  }
}

function describe(path: string, out: string, summary: Summary, results: readonly ResultRow[]): string {
  const parts = [
    [summary.expected, 'new, expected with the key that their row names'],
    [summary.voucher, 'new, each with a voucher'],
    [summary.renewed, 'with a new voucher, since the old one had expired unused'],
    [summary.updated, 'with a changed name, model or MAC address'],
    [summary.kept, 'there already'],
    [summary.refused, 'refused'],
  ] as const
  const refused = results.filter(({ status }) => status === 'refused')
  const more = refused.length - MAX_PRINTED_ROWS
  return [
    `${path}: ${summary.rows} rows.`,
    ...parts.filter(([count]) => count > 0).map(([count, what]) => `${String(count).padStart(7)}  ${what}`),
    ...(refused.length === 0 ? [] : ['', 'Refused:']),
    ...refused.slice(0, MAX_PRINTED_ROWS).map(({ line, code, detail }) => `  line ${line}: ${detail} (${code})`),
    ...(more > 0 ? [`  and ${more} more, all of them in the result file`] : []),
    '',
    `The directory has ${summary.devices} devices now. Each row with its voucher or device ID:`,
    `  ${out}`,
    ...(summary.voucher + summary.renewed > 0
      ? ['Whoever has a voucher can use it once: hand them over like keys, and delete the file then.']
      : []),
  ].join('\n')
}
