import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'

const RECOVERY_FILE = 'recovery.json'

/** The sealing key that a restored relay is to go on with, and the owners' word for it once it is there. */
export interface StoredRecovery {
  readonly seed: Uint8Array
  /** Encoded recovery, as the owners are asked to sign it. */
  readonly recovery: Uint8Array
  /** Encoded transaction with their signatures. */
  readonly transaction: Uint8Array | undefined
}

interface RecoveryFile {
  readonly version: 1
  readonly seed: string
  readonly recovery: string
  readonly transaction?: string
}

/** @throws {LaresError} `recovery-damaged` */
export function readRecoveryFile(dataDir: string): StoredRecovery | undefined {
  const path = join(dataDir, RECOVERY_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const file = JSON.parse(text) as RecoveryFile
    if (file.version !== 1) throw new Error(`version ${file.version}`)
    const { seed, recovery, transaction } = file
    return {
      seed: fromHex(seed),
      recovery: fromHex(recovery),
      transaction: transaction === undefined ? undefined : fromHex(transaction),
    }
  } catch (error) {
    throw new LaresError(
      'recovery-damaged',
      `The file ${path} cannot be read; delete it, and run "lares recover" again.`,
      { cause: error },
    )
  }
}

/** In one step, before anything stands on it; readable by its owner alone. */
export function writeRecoveryFile(dataDir: string, { seed, recovery, transaction }: StoredRecovery): void {
  const file: RecoveryFile = {
    version: 1,
    seed: toHex(seed),
    recovery: toHex(recovery),
    ...(transaction === undefined ? {} : { transaction: toHex(transaction) }),
  }
  writeFileAtomic(join(dataDir, RECOVERY_FILE), `${JSON.stringify(file)}\n`)
}

export function removeRecoveryFile(dataDir: string): void {
  rmSync(join(dataDir, RECOVERY_FILE), { force: true })
}
