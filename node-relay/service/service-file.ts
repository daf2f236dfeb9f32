import { mkdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../atomic-file.ts'
import type { ServiceDefinition, ServiceKind } from './definition.ts'
import { launchdLabel, launchdPlist } from './launchd-plist.ts'
import { scheduledTask } from './scheduled-task.ts'
import { type FileOrigin, originOf } from './stamp.ts'
import { systemdUnit } from './systemd-unit.ts'

/** Read by the system, and nothing secret in it. */
const SERVICE_FILE_MODE = 0o644

export interface ServiceFile {
  readonly kind: ServiceKind
  readonly path: string
}

/** Where the system looks for it: the user's own place, so that no other rights are needed. */
export function serviceFileOf(
  kind: ServiceKind,
  { name, dataDir }: Pick<ServiceDefinition, 'name' | 'dataDir'>,
  env: NodeJS.ProcessEnv,
  home = homedir(),
): ServiceFile {
  if (kind === 'launchd') return { kind, path: join(home, 'Library', 'LaunchAgents', `${launchdLabel(name)}.plist`) }
  // The Task Scheduler keeps a copy of its own; this one shows what it was given.
  if (kind === 'task-scheduler') return { kind, path: join(dataDir, `${name}-task.xml`) }
  const xdg = env['XDG_CONFIG_HOME']
  const config = xdg?.startsWith('/') === true ? xdg : join(home, '.config')
  return { kind, path: join(config, 'systemd', 'user', `${name}.service`) }
}

export function serviceText(kind: ServiceKind, definition: ServiceDefinition): string {
  if (kind === 'launchd') return launchdPlist(definition)
  return kind === 'task-scheduler' ? scheduledTask(definition) : systemdUnit(definition)
}

export function readServiceFile({ kind, path }: ServiceFile): { text: string; origin: FileOrigin } | undefined {
  try {
    const bytes = readFileSync(path)
    const text = kind === 'task-scheduler' ? bytes.toString('utf16le').replace(/^\ufeff/, '') : bytes.toString('utf8')
    return { text, origin: originOf(text) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function writeServiceFile({ kind, path }: ServiceFile, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const content = kind === 'task-scheduler' ? Buffer.from(`\ufeff${text}`, 'utf16le') : text
  writeFileAtomic(path, content, SERVICE_FILE_MODE)
}

/** The file, and the link by which systemd starts it, where that one is to this very file. */
export function removeServiceFile({ kind, path }: ServiceFile): void {
  if (kind === 'systemd') {
    const link = join(dirname(path), 'default.target.wants', path.slice(dirname(path).length + 1))
    try {
      if (readlinkSync(link) === path) rmSync(link)
    } catch {
      // Never switched on, or something else stands there.
    }
  }
  rmSync(path)
}
