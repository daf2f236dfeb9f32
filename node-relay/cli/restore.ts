import { resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { type BackupKey, openBackupKey } from '../backup/passphrase-key.ts'
import type { Backup } from '../backup/read-backup.ts'
import type { ParsedFlags } from '../config.ts'
import { dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK } from './command.ts'
import { PASSPHRASE_FILE_FLAG, readPassphraseFile } from './passphrase.ts'
import { formatTime } from './text.ts'

export const restore: Command = {
  name: 'restore',
  parameters: 'FILE',
  summary: 'a relay from its backup, into a data folder that is empty or not there yet',
  flags: { 'data-dir': DATA_DIR_FLAG, 'passphrase-file': PASSPHRASE_FILE_FLAG },
  positionals: ['FILE'],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const { openBackup } = await import('../backup/read-backup.ts')
    const backup = await openBackup(resolve(context.cwd, input.positionals[0] as string))
    const key = await keyOf(backup, input, context)
    const { restoreBackup } = await import('../backup/restore.ts')
    const { createNodeVerifier } = await import('../crypto/node-verifier.ts')
    const { tip, createdAt } = await restoreBackup({
      backup,
      key,
      dataDir,
      verifier: createNodeVerifier(),
      signal: context.signal,
      onProgress: (sentence) => context.print(`  ${sentence}`),
    })
    context.print(
      [
        `Restored into ${dataDir}: the relay as it was on ${formatTime(createdAt)}, blocks 0 to ${tip.height}. Every block was verified.`,
        'Its old installation must never run again beside it: two relays with the same keys are taken for a fraud.',
        'Start the relay (npm start); it asks peers and phones for newer blocks and seals nothing until you run "lares recover" with the owner\'s words.',
      ].join('\n'),
    )
    return EXIT_OK
  },
}

async function keyOf(
  { protection }: Backup,
  { values }: ParsedFlags,
  context: CliContext,
): Promise<BackupKey | undefined> {
  if (protection === undefined) return undefined
  const file = values['passphrase-file']
  if (typeof file === 'string') return await openBackupKey(readPassphraseFile(file, context), protection)
  if (context.ask === undefined)
    throw new LaresError('usage', 'This backup is protected by a passphrase; pass it with --passphrase-file FILE.')
  return await openBackupKey(await context.ask('The passphrase of this backup: ', 'hidden'), protection)
}
