import type { RelayConfig } from '../config.ts'
import type { DataDir } from '../data-dir.ts'
import { createLog, type Logger } from '../log.ts'

/** The log that the settings ask for, with its first line. */
export function openLog(
  config: RelayConfig,
  dataDir: DataDir,
  version: string,
): { readonly log: Logger; readonly logFile: string | undefined } {
  const logFile = config.logTo === 'file' ? dataDir.file('relay.log') : undefined
  const log = createLog({ level: config.logLevel, destination: logFile === undefined ? 'stderr' : { file: logFile } })
  log.info({ version, node: process.version, platform: process.platform }, 'starting')
  return { log, logFile }
}
