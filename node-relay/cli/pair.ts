import type { PairingView } from '../coordination/pairing-door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { assertWanted } from './assert-wanted.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG, YES_FLAG } from './command.ts'
import { formatJson, formatTable, formatTime } from './text.ts'

export const pair: Command = {
  name: 'pair',
  parameters: '[CODE]',
  summary: 'let in a device that shows this code, or see who asks',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    json: JSON_FLAG,
    yes: YES_FLAG,
    refuse: { type: 'boolean', hint: '', help: 'tell the device no' },
  },
  positionals: ['CODE'],
  positionalsOptional: true,
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const isJson = input.values['json'] === true
    const code = input.positionals[0]
    if (code === undefined) {
      const { newcomers } = await askRelay<{ newcomers: PairingView[] }>(dataDir, '/pairing')
      context.print(isJson ? formatJson(newcomers) : describeNewcomers(newcomers))
      return EXIT_OK
    }
    const refuses = input.values['refuse'] === true
    if (!refuses) {
      context.print('Only if you see this code on the device itself, and the device is yours to let in:')
      context.print('this relay then vouches for it.')
      await assertWanted(input, context, `Let in the device that shows ${code}?`)
    }
    const path = refuses ? '/pairing/refusal' : '/pairing/approval'
    const answered = await askRelay<{ deviceId: string }>(dataDir, path, 'POST', { body: { code } })
    if (isJson) context.print(formatJson(answered))
    else if (refuses) context.print('Refused.')
    else context.print(`Approved. The device goes on by itself, and will be ${answered.deviceId}.`)
    return EXIT_OK
  },
}

function describeNewcomers(newcomers: readonly PairingView[]): string {
  if (newcomers.length === 0) return 'Nobody asks to be let in.'
  const rows = newcomers.map(({ code, state, until }) => [`  ${code}`, state, `until ${formatTime(until)}`])
  return ['Let in whose code you see on the device itself, with lares pair CODE:', formatTable(rows)].join('\n')
}
