import { resolve } from 'node:path'
import type { FleetEntryRow } from '../fleet/door.ts'
import { MAX_FLEET_PAGE } from '../fleet/fleet-routes.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { assertOutput, writeOutput } from './output-file.ts'
import { countOf, formatJson, formatTable } from './text.ts'

/** A directory of the largest size, in base64. */
const MAX_DIRECTORY_ANSWER = 24 * 1024 * 1024
const EXPORT_TIMEOUT_MS = 5 * 60_000
/** Enough to tell two IDs apart at sight; the whole of it is in --json and on the label. */
const SHOWN_ID_END = 12

export const directoryExport: Command = {
  name: 'directory export',
  parameters: '--out FILE',
  summary: "write the private directory, signed, for a technician's page",
  flags: {
    'data-dir': DATA_DIR_FLAG,
    out: { type: 'string', hint: 'FILE', help: 'the file (default lares-directory.bin)' },
  },
  positionals: [],
  async run(input, context) {
    const out = resolve(context.cwd, (input.values['out'] as string | undefined) ?? 'lares-directory.bin')
    assertOutput(out)
    const answer = await askRelay<{ directory: string; devices: number }>(
      dataDirOf(input, context),
      '/fleet/directory',
      'GET',
      { timeoutMs: EXPORT_TIMEOUT_MS, maxAnswerBytes: MAX_DIRECTORY_ANSWER },
    )
    writeOutput(out, Buffer.from(answer.directory, 'base64url'), 'Nothing was written.')
    context.print(
      [
        `${countOf(answer.devices, 'device')} in ${out}.`,
        'Hand it to your technicians only: it says what you call each device. Devices whose voucher nobody has claimed',
        'have no ID yet and are not in it.',
      ].join('\n'),
    )
    return EXIT_OK
  },
}

export const directoryList: Command = {
  name: 'directory list',
  parameters: '[--search TEXT]',
  summary: 'the devices of the private directory, by serial',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    search: {
      type: 'string',
      hint: 'TEXT',
      help: 'only those with TEXT in name, model, serial, MAC, vendor or device ID',
    },
    json: JSON_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const { search, json } = input.values
    const all = await readDirectory(dataDirOf(input, context))
    const wanted = typeof search === 'string' ? search.normalize('NFC').toLowerCase() : ''
    const found = all.filter((row) => Object.values(row).some((value) => value?.toLowerCase().includes(wanted)))
    if (json === true) context.print(formatJson(found))
    else if (found.length === 0)
      context.print(all.length === 0 ? 'The directory is empty: see "lares help enroll".' : 'No device is like that.')
    else context.print(describe(found))
    return EXIT_OK
  },
}

export const directoryRemove: Command = {
  name: 'directory remove',
  parameters: 'SERIAL',
  summary: 'forget a device: its names, and that it is expected',
  flags: { 'data-dir': DATA_DIR_FLAG },
  positionals: ['SERIAL'],
  async run(input, context) {
    const serial = (input.positionals[0] as string).normalize('NFC')
    await askRelay(dataDirOf(input, context), '/fleet/remove', 'POST', { body: { serial } })
    context.print(
      `${serial} is forgotten. If it is in the ledger, it stays there until it is retired; a voucher that was handed out stays good until it ends.`,
    )
    return EXIT_OK
  },
}

/** All devices of the private directory, by serial. @throws {LaresError} with the relay's sentence */
export async function readDirectory(dataDir: string): Promise<FleetEntryRow[]> {
  const all: FleetEntryRow[] = []
  for (;;) {
    const after = all.at(-1)?.serial
    const query = new URLSearchParams({ limit: String(MAX_FLEET_PAGE), ...(after === undefined ? {} : { after }) })
    const { devices } = await askRelay<{ devices: FleetEntryRow[] }>(dataDir, `/fleet/devices?${query}`)
    all.push(...devices)
    if (devices.length < MAX_FLEET_PAGE) return all
  }
}

function describe(rows: readonly FleetEntryRow[]): string {
  return formatTable([
    ['SERIAL', 'NAME', 'MODEL', 'MAC', 'VENDOR', 'STATE', 'DEVICE ID'],
    ...rows.map(({ serial, name, model, mac, vendor, state, deviceId }) => [
      serial,
      name,
      model,
      mac,
      vendor,
      state,
      deviceId === undefined ? '' : `…${deviceId.slice(-SHOWN_ID_END)}`,
    ]),
  ])
}
