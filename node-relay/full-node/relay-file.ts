import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'

const RELAY_FILE = 'relay.json'

/** What the command line must know of a relay without opening its database. Nothing secret. */
export interface RelayFile {
  /** Hex. */
  readonly networkId: string
  /** Hex; empty while a node without blocks has none. */
  readonly deviceId: string
  /** Where its page is reached, without a fragment, as printed at the last start; undefined before. */
  readonly pageUrl: string | undefined
  /** Join link text (what follows `#join=`) of the last start. */
  readonly link: string | undefined
}

/** undefined when no relay has got so far here. */
export function findRelayFile(dataDir: string): RelayFile | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, RELAY_FILE), 'utf8')) as RelayFile
  } catch {
    // Written anew at each start, so a missing or damaged one is no loss.
    return undefined
  }
}

/** @throws {LaresError} `no-relay` when none was started here yet */
export function readRelayFile(dataDir: string): RelayFile {
  const file = findRelayFile(dataDir)
  if (file === undefined)
    throw new LaresError('no-relay', `There is no relay in ${dataDir} yet. Start it once with "npm start".`)
  return file
}

export function writeRelayFile(dataDir: string, file: RelayFile): void {
  writeFileAtomic(join(dataDir, RELAY_FILE), `${JSON.stringify(file)}\n`)
}
