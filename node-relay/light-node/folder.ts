import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** In the data directory: what only a node without blocks has. */
export const LIGHT_DIRECTORY = 'light'
/** In the data directory: the headers. */
export const CHAIN_FILE = join(LIGHT_DIRECTORY, 'chain')

/** Whether a data directory is that of a node without blocks. */
export function isLightNode(dataDir: string): boolean {
  return existsSync(join(dataDir, LIGHT_DIRECTORY))
}
