import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { adminSocketPath } from '../http/admin-socket.ts'
import MEMORY_FLAGS from '../memory-flags.json' with { type: 'json' }

/** What the system is told to keep running, whatever system it is. Every path is absolute. */
export interface ServiceDefinition {
  /** `lares`, or `lares-1a2b3c4d` for a data folder of its own choosing: one service a folder. */
  readonly name: string
  readonly dataDir: string
  /** The Node that runs this, and its arguments: our program, `start`, flags. */
  readonly command: readonly string[]
  /** Directories that the relay writes to. */
  readonly writable: readonly string[]
  readonly memory: ServiceMemory
}

export type ServiceKind = 'systemd' | 'launchd' | 'task-scheduler'

/** MiB. Above the sums in docs/LIMITS.md. */
export interface ServiceMemory {
  /** What the service may use before the system ends and restarts it. */
  readonly max: number
  /** Where the system begins to take memory back from it. */
  readonly high: number
}

/** What a relay may use. */
const MAX_SERVICE_MEMORY_MIB = 1_536
const SERVICE_MEMORY_HIGH_MIB = 1_280
/** A coordination node alone, on a board with 512 MB. */
const MAX_BOARD_MEMORY_MIB = 256
const BOARD_MEMORY_HIGH_MIB = 192
/** JavaScript objects, within the above; buffers, LevelDB and WebRTC are outside of it. MiB */
const MAX_SERVICE_HEAP_MIB = 640

/** The words that mark a file which nobody has tried on its system. */
export const NOT_RUN_HERE = 'Not run here: this file was generated and never tried on such a system.'

export interface DefinitionInit {
  readonly node: string
  readonly main: string
  readonly dataDir: string
  readonly isDefaultDataDir: boolean
  /** Flags of `start`, the data folder excepted. */
  readonly flags: readonly string[]
}

export function defineService(init: DefinitionInit): ServiceDefinition {
  const dataDir = resolve(init.dataDir)
  const isBoard = init.flags.includes('--roles=coordination')
  const socketDirectory = dirname(adminSocketPath(dataDir, 'linux'))
  return {
    name: serviceName(dataDir, init.isDefaultDataDir),
    dataDir,
    command: [
      init.node,
      ...(isBoard
        ? MEMORY_FLAGS.coordination
        : [...MEMORY_FLAGS.relay, `--max-old-space-size=${MAX_SERVICE_HEAP_MIB}`]),
      init.main,
      'start',
      '--data-dir',
      dataDir,
      '--quiet',
      ...init.flags,
    ],
    memory: isBoard
      ? { max: MAX_BOARD_MEMORY_MIB, high: BOARD_MEMORY_HIGH_MIB }
      : { max: MAX_SERVICE_MEMORY_MIB, high: SERVICE_MEMORY_HIGH_MIB },
    writable: socketDirectory === dataDir ? [dataDir] : [dataDir, tmpdir()],
  }
}

export function serviceName(dataDir: string, isDefault: boolean): string {
  return isDefault ? 'lares' : `lares-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 8)}`
}

export function serviceKindOf(platform: NodeJS.Platform): ServiceKind {
  return platform === 'win32' ? 'task-scheduler' : platform === 'darwin' ? 'launchd' : 'systemd'
}
