import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { MAGIC } from '../backup/format.ts'
import { createBackupKey } from '../backup/passphrase-key.ts'
import type { Written } from '../backup/write-backup.ts'
import type { ParsedFlags } from '../config.ts'
import { dataDirHolder, inspectDataDir, openDataDir } from '../data-dir.ts'
import { dataDirOf, streamFromRelay } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK } from './command.ts'
import { assertOutput } from './output-file.ts'
import { PASSPHRASE_FILE_FLAG, readPassphraseFile } from './passphrase.ts'
import { countOf, formatTime } from './text.ts'

export const backup: Command = {
  name: 'backup',
  parameters: '--out FILE',
  summary: 'keys, configuration and chain in one file, while the relay runs or not',
  flags: {
    out: {
      type: 'string',
      hint: 'FILE',
      help: 'the file; an older backup there is replaced when the new one is whole',
    },
    encrypt: { type: 'boolean', hint: '', help: 'protect it by a passphrase, which is asked for' },
    'passphrase-file': PASSPHRASE_FILE_FLAG,
    'data-dir': DATA_DIR_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const out = outOf(input, context, dataDir)
    const found = inspectDataDir(dataDir)
    if (!found.ok) throw new LaresError(found.code, found.detail)
    if (found.value !== 'relay')
      throw new LaresError('no-relay', `There is no relay in ${dataDir}; name its folder with --data-dir.`)
    const passphrase = await newPassphrase(input, context)
    const key = passphrase === undefined ? undefined : await createBackupKey(passphrase)
    const { writeBackup } = await import('../backup/write-backup.ts')
    const written = await withContent(dataDir, context, async (content) =>
      writeBackup({ out, content, key, signal: context.signal }),
    )
    context.print(describe(written, out, key !== undefined))
    return EXIT_OK
  },
}

function outOf({ values }: ParsedFlags, context: CliContext, dataDir: string): string {
  if (typeof values['out'] !== 'string') throw new LaresError('usage', 'Say where to: lares backup --out FILE')
  const out = resolve(context.cwd, values['out'])
  // Where links lead is what counts: a backup in the data folder would be in the next one, too.
  const inside = relative(real(dataDir), join(real(dirname(out)), basename(out)))
  if (inside !== '..' && !inside.startsWith(`..${sep}`) && resolve(inside) !== inside)
    throw new LaresError(
      'backup-in-data-dir',
      `${out} is in the data folder, and would be lost with it; name a place elsewhere, best on another disk.`,
    )
  assertOutput(out, { magic: MAGIC, name: 'a backup' })
  return out
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // Not there: who uses it says so.
    return path
  }
}

/** From the running relay, or from the folder itself, whose lock is held meanwhile. */
async function withContent(
  dataDir: string,
  context: CliContext,
  write: (content: AsyncIterable<Uint8Array>) => Promise<Written>,
): Promise<Written> {
  if (dataDirHolder(dataDir) !== undefined)
    return await write(await streamFromRelay(dataDir, '/backup', context.signal))
  const opened = openDataDir(dataDir)
  if (!opened.ok) throw new LaresError(opened.code, opened.detail)
  try {
    const { ChainStore } = await import('../store/chain-store.ts')
    const { openContent } = await import('../backup/content.ts')
    const store = await ChainStore.open(join(dataDir, 'chain'))
    try {
      return await write(await openContent({ dataDir, store, version: context.version, now: context.now }))
    } finally {
      await store.close()
    }
  } finally {
    opened.value.close()
  }
}

async function newPassphrase({ values }: ParsedFlags, context: CliContext): Promise<string | undefined> {
  const file = values['passphrase-file']
  if (typeof file === 'string') return readPassphraseFile(file, context)
  if (values['encrypt'] !== true) return undefined
  if (context.ask === undefined)
    throw new LaresError('usage', 'Nobody can be asked here for a passphrase; use --passphrase-file FILE.')
  const passphrase = await context.ask('A passphrase for this backup: ', 'hidden')
  if ((await context.ask('The same again: ', 'hidden')) !== passphrase)
    throw new LaresError('bad-passphrase', 'These were two different passphrases. No backup was written.')
  return passphrase
}

function describe({ manifest, bytes, files, records }: Written, out: string, isProtected: boolean): string {
  const { tip, createdAt } = manifest
  return [
    `${out}: ${(bytes / 2 ** 20).toFixed(1)} MB, ${countOf(files, 'file')} and ${countOf(records, 'record')}, blocks 0 to ${tip.height}, ${formatTime(createdAt)}. It was read back and is whole.`,
    isProtected
      ? 'Nobody can open it without the passphrase, you neither: keep that elsewhere.'
      : "The file holds the relay's keys: whoever has it can act as this relay. Keep it where nobody else can read it, or use --encrypt.",
  ].join('\n')
}
