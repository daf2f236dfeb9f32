import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LabelDecision } from '../../shared/admission/label-of.ts'
import type { DeviceAnswer, RelayStatus } from '../facade.ts'

/** `sun_path` has 104 bytes on macOS and 108 on Linux, with a closing zero. */
const MAX_SOCKET_PATH_BYTES = 100

/** Addresses that the doors are open at, as a person opens them. */
export interface DoorsInfo {
  readonly port: number
  readonly urls: readonly string[]
  readonly joinUrl: string
  /** Where Prometheus reads; undefined when that is switched off. */
  readonly metricsUrl?: string | undefined
}

/** What `lares status` and `doctor` get. */
export interface AdminStatus extends RelayStatus {
  /** Which label this machine fits by its own measure, and why. */
  readonly fits: LabelDecision
  readonly pid: number
  readonly doors: DoorsInfo
  readonly ports: { readonly tcp: readonly number[]; readonly udp: readonly number[] }
}

/** A device answer as JSON: the bundle in base64url. */
export type AdminDevice = Omit<DeviceAnswer, 'bundle'> & { readonly bundle: string }

/**
 * Where the running relay listens for its own command line: a socket in the data dir, which only its owner may enter; a
 * pipe named after the data dir on Windows; a socket in the system's directory for temporary files where the path
 * would be too long (the asker checks whose it is).
 */
export function adminSocketPath(dataDir: string, platform: NodeJS.Platform = process.platform): string {
  const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24)
  if (platform === 'win32') return `\\\\.\\pipe\\lares-${name}`
  const path = join(resolve(dataDir), 'admin.sock')
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? path : join(tmpdir(), `lares-${name}.sock`)
}
