import { setTimeout as pause } from 'node:timers/promises'
import { LaresError } from '../../shared/errors.ts'
import type { Setting } from '../config.ts'
import type { RelayStatus } from '../facade.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { qrLines } from './qr.ts'
import { formatJson, formatTime } from './text.ts'

const MAX_COUNT = 100
const MAX_DAYS = 365
const DEFAULT_DAYS = 7
/** The own registration is looked for this often, and for so long, ms. */
const LOOK_MS = 500
const PATIENCE_MS = 5 * 60_000

export const voucherCreate: Command = {
  name: 'voucher create',
  parameters: '',
  summary: 'let a device in: a one-time key as link, QR and text',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    count: { type: 'string', hint: 'N', help: `how many (default 1, at most ${MAX_COUNT})` },
    days: { type: 'string', hint: 'D', help: `valid for so many days (default ${DEFAULT_DAYS}, at most ${MAX_DAYS})` },
    json: JSON_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const { createVoucher } = await import('../admission/create-voucher.ts')
    const dataDir = dataDirOf(input, context)
    const count = wholeNumber('count', input.values['count'], 1, MAX_COUNT)
    const days = wholeNumber('days', input.values['days'], DEFAULT_DAYS, MAX_DAYS)
    await waitForOwnRecord(dataDir, context)
    const vouchers = await createVoucher({ dataDir, count, days, now: context.now() })
    if (input.values['json'] === true) {
      context.print(formatJson(vouchers))
      return EXIT_OK
    }
    for (const { text, url, expires } of vouchers) {
      const colours = context.columns !== undefined && context.env['NO_COLOR'] === undefined
      const code = qrLines(url ?? text, { columns: context.columns, colours })
      context.print(
        [
          '',
          `Voucher for one device, until ${formatTime(expires)}:`,
          ...(url === undefined ? [] : [`  ${url}`]),
          `Text to paste or type:`,
          `  ${text}`,
          ...(code === undefined ? [] : ['', ...code]),
        ].join('\n'),
      )
    }
    context.print('\nWhoever has a voucher can use it once. Hand it over like a key; it is not kept here.')
    return EXIT_OK
  },
}

/**
 * Right after its founding a relay is in no block: nobody would take its voucher. One that does not run is not asked.
 * @throws {LaresError} `not-registered`
 */
async function waitForOwnRecord(dataDir: string, context: CliContext): Promise<void> {
  const until = context.now() + PATIENCE_MS
  for (let looks = 0; ; looks++) {
    const status = await askRelay<Pick<RelayStatus, 'deviceId'>>(dataDir, '/status').catch(unlessStopped)
    if (status === undefined || status.deviceId !== undefined) return
    if (looks === 0) context.printError('This relay is in no block yet; waiting for it …')
    if (context.now() >= until)
      throw new LaresError(
        'not-registered',
        'This relay is not in the ledger yet, so its vouchers would count for nothing. "lares status" shows its ID once it is.',
      )
    await pause(LOOK_MS)
  }
}

function unlessStopped(error: unknown): undefined {
  if (!(error instanceof LaresError) || error.code !== 'relay-unreachable') throw error
}

/** @throws {LaresError} `usage` */
function wholeNumber(name: string, text: Setting | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise
  const value = typeof text === 'string' && /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > most)
    throw new LaresError('usage', `--${name} must be a whole number from 1 to ${most}, not "${text}".`)
  return value
}
