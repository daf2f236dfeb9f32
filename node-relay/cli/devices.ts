import type { Presence } from '../devices/door.ts'
import type { DeviceRow } from '../facade.ts'
import { MAX_DEVICES_LIMIT } from '../http/limits.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { formatDuration, formatJson, formatTable } from './text.ts'

export const devices: Command = {
  name: 'devices',
  parameters: '',
  summary: 'all devices in the ledger',
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
    if (input.values['json'] === true) context.print(formatJson(all))
    else if (all.length === 0) context.print('No device is in the ledger yet.')
    else context.print(describe(all, context.now()))
    return EXIT_OK
  },
}

type Row = DeviceRow & { readonly presence?: Presence }

function describe(all: readonly Row[], now: number): string {
  const rows = all.map((row) => [
    row.deviceId,
    row.status,
    row.label,
    row.assurance,
    String(row.trust),
    String(row.registeredHeight),
    row.presence === undefined ? '' : `${formatDuration(now - row.presence.seen)} ago`,
  ])
  return formatTable([['DEVICE ID', 'STATUS', 'LABEL', 'ASSURANCE', 'TRUST', 'SINCE HEIGHT', 'SEEN'], ...rows])
}
