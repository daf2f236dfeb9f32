import { resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { FleetEntryRow } from '../fleet/door.ts'
import { type Label, labelSheet, MAX_LABELS } from '../fleet/label-sheet.ts'
import { readCheckedRows } from '../fleet/read-checked-rows.ts'
import { dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK } from './command.ts'
import { readDirectory } from './directory.ts'
import { assertOutput, writeOutput } from './output-file.ts'
import { countOf } from './text.ts'

export const labels: Command = {
  name: 'labels',
  parameters: 'FILE | --all [--out labels.html]',
  summary: 'a printable sheet of QR labels for the devices of a fleet file, or of the whole directory',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    all: { type: 'boolean', hint: '', help: 'all devices of the private directory' },
    out: { type: 'string', hint: 'FILE', help: 'the page to print (default labels.html)' },
  },
  positionals: ['FILE'],
  positionalsOptional: true,
  async run(input, context) {
    const [file] = input.positionals
    const all = input.values['all'] === true
    if (all === (file !== undefined))
      throw new LaresError('usage', 'Name a fleet file, or say --all for the whole directory.')
    const out = resolve(context.cwd, (input.values['out'] as string | undefined) ?? 'labels.html')
    assertOutput(out)
    const directory = await readDirectory(dataDirOf(input, context))
    const wanted = file === undefined ? directory : await rowsOf(resolve(context.cwd, file), directory)
    const sheet = wanted.flatMap(labelOf)
    const without = wanted.length - sheet.length
    const later = `${countOf(without, 'device')} without an ID yet: print again once the vouchers are claimed.`
    if (sheet.length === 0) {
      context.printError(
        without === 0 ? 'There is nothing to print: enrol the devices first.' : `Nothing was printed; ${later}`,
      )
      return EXIT_FAILED
    }
    if (sheet.length > MAX_LABELS)
      throw new LaresError(
        'too-many-labels',
        `${sheet.length} labels are too many for one sheet file (${MAX_LABELS}): name a file with some of the rows.`,
      )
    writeOutput(out, labelSheet(sheet, `Lares labels: ${countOf(sheet.length, 'device')}`), 'Nothing was written.')
    context.print(`${countOf(sheet.length, 'label')} in ${out}; open it in a browser and print it.`)
    if (without > 0) context.print(`Left out: ${later}`)
    return EXIT_OK
  },
}

/** The rows of a file as the directory has them, in the file's order. @throws {LaresError} `not-enrolled` */
async function rowsOf(path: string, directory: readonly FleetEntryRow[]): Promise<FleetEntryRow[]> {
  const { good } = await readCheckedRows(path)
  const bySerial = new Map(directory.map((row) => [row.serial, row]))
  const found = good.flatMap(({ row }) => bySerial.get(row.serial) ?? [])
  if (found.length === 0 && good.length > 0)
    throw new LaresError(
      'not-enrolled',
      `No device of ${path} is in the directory; enrol it first with "lares enroll".`,
    )
  return found
}

function labelOf({ deviceId, name, serial }: FleetEntryRow): Label[] {
  return deviceId === undefined ? [] : [{ deviceId, name, serial }]
}
