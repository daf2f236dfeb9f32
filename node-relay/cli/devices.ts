import { LaresError } from '../../shared/errors.ts'
import type { Presence } from '../devices/door.ts'
import type { DeviceRow } from '../facade.ts'
import { MAX_DEVICES_LIMIT } from '../http/limits.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { readDirectory } from './directory.ts'
import { formatDuration, formatJson, formatTable } from './text.ts'

export const devices: Command = {
  name: 'devices',
  parameters: '',
  summary: 'all devices in the ledger, with the names of the private directory',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const all: Row[] = []
    for (;;) {
      const after = all.at(-1)?.deviceId
      const query = new URLSearchParams({ limit: String(MAX_DEVICES_LIMIT), ...(after === undefined ? {} : { after }) })
      const page = await askRelay<{ devices: Row[] }>(dataDir, `/devices?${query}`)
      if (page.devices.length === 0) break
      all.push(...page.devices)
    }
    const names = await namesOf(dataDir, context)
    const named = all.map((row) => ({ ...row, name: names.get(row.deviceId) }))
    if (input.values['json'] === true) context.print(formatJson(named))
    else if (all.length === 0) context.print('No device is in the ledger yet.')
    else context.print(describe(named, context.now()))
    return EXIT_OK
  },
}

type Row = DeviceRow & { readonly presence?: Presence }

/** By device ID. A directory that cannot be read leaves the devices without names, not unlisted. */
async function namesOf(dataDir: string, context: CliContext): Promise<ReadonlyMap<string | undefined, string>> {
  try {
    return new Map((await readDirectory(dataDir)).map(({ deviceId, name }) => [deviceId, name]))
  } catch (error) {
    if (!(error instanceof LaresError)) throw error
    context.printError(`Without names: ${error.message}`)
    return new Map()
  }
}

/** Names are the owner's own and come from the private directory: the ledger has none. */
function describe(all: readonly (Row & { readonly name: string | undefined })[], now: number): string {
  const rows = all.map((row) => [
    row.name ?? '',
    row.deviceId,
    row.status,
    row.label,
    row.assurance,
    String(row.trust),
    String(row.registeredHeight),
    row.presence === undefined ? '' : `${formatDuration(now - row.presence.seen)} ago`,
  ])
  return formatTable([['NAME', 'DEVICE ID', 'STATUS', 'LABEL', 'ASSURANCE', 'TRUST', 'SINCE HEIGHT', 'SEEN'], ...rows])
}
