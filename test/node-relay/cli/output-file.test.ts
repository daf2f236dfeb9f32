/** Where a command may put its file, and where that would cost somebody something. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { assertOutput, writeOutput } from '../../../node-relay/cli/output-file.ts'
import { asciiBytes } from '../../../shared/bytes.ts'

const KIND = { magic: asciiBytes('MAGIC'), name: 'one of ours' }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lares-output-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const at = (name: string, content?: string) => {
  const path = join(folder, name)
  if (content !== undefined) writeFileSync(path, content)
  return path
}

it('takes a new file, an empty one, and an older one of its kind', () => {
  for (const path of [at('new'), at('empty', ''), at('older', 'MAGIC and more')])
    expect(() => assertOutput(path, KIND)).not.toThrow()
  expect(() => assertOutput(at('other', 'MAGI'))).not.toThrow()
})

it.each([
  ['no folder', () => at('none/file'), /There is no such place/],
  ['a file for a folder', () => join(at('file', ''), 'x'), /There is no such place/],
  ['a folder', () => folder, /is a folder/],
  ['another file', () => at('other', 'notes'), /is there already and is not one of ours/],
  ['a shorter one', () => at('short', 'MAGI'), /is there already and is not one of ours/],
])('refuses %s', (_, path, sentence) => {
  expect(() => assertOutput(path(), KIND)).toThrow(sentence)
})

it.skipIf(process.platform === 'win32')('refuses a device, whose place the file would take', () => {
  expect(() => assertOutput('/dev/null')).toThrow(/is no file/)
})

it('says what a failed write means, and leaves nothing', () => {
  expect(() => writeOutput(at('none/file'), 'x', 'Nothing is lost.')).toThrow(/no such place .* Nothing is lost\./)
  expect(readdirSync(folder)).toEqual([])
})
