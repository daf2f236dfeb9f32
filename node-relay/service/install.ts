import { LaresError } from '../../shared/errors.ts'
import { dataDirHolder } from '../data-dir.ts'
import { NOT_RUN_HERE, type ServiceDefinition, type ServiceKind } from './definition.ts'
import { launchdLabel } from './launchd-plist.ts'
import { readServiceFile, removeServiceFile, serviceFileOf, serviceText, writeServiceFile } from './service-file.ts'
import { createSystemctl, type RunProgram } from './systemctl.ts'

export interface ServiceContext {
  readonly kind: ServiceKind
  readonly env: NodeJS.ProcessEnv
  readonly user: string
  readonly run: RunProgram
  /** Overwrite or remove a file that is not, or no longer, what was written. */
  readonly force: boolean
  say(sentence: string): void
}

/**
 * Writes the file that makes the relay start with the system, and switches it on where that can be done. Done twice it
 * changes nothing.
 * @throws {LaresError} `service-file-changed`
 */
export async function installService(definition: ServiceDefinition, context: ServiceContext): Promise<void> {
  const { kind, say } = context
  const file = serviceFileOf(kind, definition, context.env)
  const text = serviceText(kind, definition)
  const there = readServiceFile(file)
  if (there?.text === text) say(`${file.path} is there already, and as it should be.`)
  else {
    if (there !== undefined && there.origin !== 'ours' && !context.force) throw changed(file.path, there.origin)
    writeServiceFile(file, text)
    say(`${there === undefined ? 'Written' : 'Written anew'}: ${file.path}`)
  }
  if (kind !== 'systemd') {
    say(`${NOT_RUN_HERE} To switch it on: ${byHand(kind, definition.name, file.path).on}`)
    return
  }

  const systemctl = createSystemctl(context.run)
  const unit = `${definition.name}.service`
  if (!(await systemctl.isRunning())) {
    say(
      `systemd does not run for you here, so nothing was switched on. Where it runs: systemctl --user daemon-reload && systemctl --user enable --now ${unit}`,
    )
    return
  }
  const isActive = await systemctl.isActive(unit)
  const holder = dataDirHolder(definition.dataDir)
  // A second relay on one folder would only fail; the first is somebody's own.
  const mayStart = isActive || holder === undefined
  const failure =
    (await systemctl.call('daemon-reload')) ??
    (await systemctl.call('enable', unit)) ??
    (mayStart && !isActive ? await systemctl.call('start', unit) : undefined)
  if (failure !== undefined) throw new LaresError('service-failed', `systemd refused: ${failure}`)
  if (!mayStart)
    say(
      `It starts with the system from now on. Not now: a relay (process ${holder}) works with ${definition.dataDir}; stop it, then: systemctl --user start ${unit}`,
    )
  else if (isActive)
    say(
      there?.text === text
        ? 'It runs.'
        : `It runs with the settings of before. To change over: systemctl --user restart ${unit}`,
    )
  else say(`It runs, and starts with the system from now on. Its state: systemctl --user status ${unit}`)
  if (!(await systemctl.lingers(context.user)))
    say(`It ends when you log out. To keep it running without you: loginctl enable-linger ${context.user}`)
}

/**
 * Stops the service, and removes what was installed and nothing else.
 * @returns false when there was none
 * @throws {LaresError} `service-file-changed`, before anything was done
 */
export async function uninstallService(
  definition: Pick<ServiceDefinition, 'name' | 'dataDir'>,
  context: ServiceContext,
): Promise<boolean> {
  const { kind, say } = context
  const file = serviceFileOf(kind, definition, context.env)
  const there = readServiceFile(file)
  if (there === undefined) return false
  if (there.origin !== 'ours' && !context.force) throw changed(file.path, there.origin)
  if (kind !== 'systemd') {
    removeServiceFile(file)
    say(`Removed: ${file.path}. ${NOT_RUN_HERE} To switch it off: ${byHand(kind, definition.name, file.path).off}`)
    return true
  }
  const systemctl = createSystemctl(context.run)
  const unit = `${definition.name}.service`
  const isRunning = await systemctl.isRunning()
  if (isRunning) {
    const wasActive = await systemctl.isActive(unit)
    const failure = await systemctl.call('disable', '--now', unit)
    if (failure !== undefined) throw new LaresError('service-failed', `systemd refused: ${failure}`)
    if (wasActive) say('The relay was stopped.')
  }
  removeServiceFile(file)
  if (isRunning) await systemctl.call('daemon-reload')
  say(`Removed: ${file.path}. The relay no longer starts with the system.`)
  return true
}

/** Whether there is a service for a data folder. */
export function hasService(
  definition: Pick<ServiceDefinition, 'name' | 'dataDir'>,
  { kind, env }: Pick<ServiceContext, 'kind' | 'env'>,
): boolean {
  return readServiceFile(serviceFileOf(kind, definition, env)) !== undefined
}

function changed(path: string, origin: 'changed' | 'foreign'): LaresError<'service-file-changed'> {
  const what = origin === 'changed' ? 'was changed by hand since it was written' : 'was not written by Lares'
  return new LaresError(
    'service-file-changed',
    `${path} ${what}. Look at it; with --force it is dealt with all the same.`,
  )
}

function byHand(kind: 'launchd' | 'task-scheduler', name: string, path: string): { on: string; off: string } {
  if (kind === 'launchd')
    return {
      on: `launchctl bootstrap gui/$(id -u) "${path}"`,
      off: `launchctl bootout gui/$(id -u)/${launchdLabel(name)}`,
    }
  return { on: `schtasks /Create /TN ${name} /XML "${path}"`, off: `schtasks /Delete /TN ${name} /F` }
}
