import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LaresError } from '../../shared/errors.ts'
import { PRESETS } from '../../shared/params.ts'
import { type ParsedFlags, RELAY_FLAGS, readRelayConfig } from '../config.ts'
import { defaultDataDir } from '../data-dir.ts'
import { readRelayFile } from '../full-node/relay-file.ts'
import { defineService, type ServiceDefinition, type ServiceKind, serviceKindOf } from '../service/definition.ts'
import { installService, type ServiceContext, uninstallService } from '../service/install.ts'
import { serviceText } from '../service/service-file.ts'
import { createRunProgram } from '../service/systemctl.ts'
import { dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK } from './command.ts'

const FORCE_FLAG = { type: 'boolean', hint: '', help: 'also a file that was changed by hand, or is not ours' } as const
/** Settings that are paths: a service is not started where this command runs. */
const PATH_FLAGS: ReadonlySet<string> = new Set(['config', 'network', 'revocation', 'tls-cert', 'tls-key'])
const KINDS: readonly ServiceKind[] = ['systemd', 'launchd', 'task-scheduler']
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

export const serviceInstall: Command = {
  name: 'service install',
  parameters: '[--print KIND] [--force] [flags of start]',
  summary: 'start the relay with the system (systemd; launchd and Task Scheduler: file only, not run here)',
  flags: {
    print: {
      type: 'string',
      hint: 'KIND',
      help: 'only print the file: systemd, launchd or task-scheduler (these two not run here)',
    },
    force: FORCE_FLAG,
    ...RELAY_FLAGS,
  },
  positionals: [],
  async run(input, context) {
    const definition = definitionOf(input, context)
    const { print } = input.values
    if (print !== undefined) {
      const kind = KINDS.find((one) => one === print)
      if (kind === undefined)
        throw new LaresError('usage', `--print must be one of ${KINDS.join(', ')}, not "${print}".`)
      context.print(serviceText(kind, definition))
      return EXIT_OK
    }
    // The owner's recovery words are shown once, by the first start: in a service they would go to a log.
    readRelayFile(definition.dataDir)
    await installService(definition, serviceContext(input, context))
    return EXIT_OK
  },
}

export const serviceUninstall: Command = {
  name: 'service uninstall',
  parameters: '[--force]',
  summary: 'stop the service and remove it; the data stays',
  flags: { force: FORCE_FLAG, 'data-dir': DATA_DIR_FLAG },
  positionals: [],
  async run(input, context) {
    const definition = definitionOf({ ...input, values: { 'data-dir': dataDirOf(input, context) } }, context)
    const removed = await uninstallService(definition, serviceContext(input, context))
    if (!removed) context.print(`There is no service for ${definition.dataDir}.`)
    return EXIT_OK
  },
}

/** @throws {LaresError} `usage` for flags that `start` would refuse, too */
function definitionOf({ values }: ParsedFlags, context: CliContext): ServiceDefinition {
  const flags = Object.entries(values).flatMap(([name, value]) => {
    if (!Object.hasOwn(RELAY_FLAGS, name) || name === 'data-dir' || name === 'quiet') return []
    const isPath = PATH_FLAGS.has(name) && !(name === 'network' && Object.hasOwn(PRESETS, String(value)))
    return [value === true ? `--${name}` : `--${name}=${isPath ? resolve(context.cwd, String(value)) : value}`]
  })
  const dataDir = dataDirOf({ values, positionals: [] }, context)
  const config = readRelayConfig([...flags, `--data-dir=${dataDir}`], context)
  if (!config.ok) throw new LaresError('usage', config.detail)
  return defineService({
    node: process.execPath,
    main: MAIN,
    dataDir,
    isDefaultDataDir: dataDir === resolve(context.cwd, defaultDataDir(context.env)),
    flags,
  })
}

/** The world that a service lives in. */
export function serviceContext({ values }: ParsedFlags, context: CliContext): ServiceContext {
  return {
    kind: serviceKindOf(process.platform),
    env: context.env,
    user: userInfo().username,
    run: createRunProgram(context.env),
    force: values['force'] === true,
    say: context.print,
  }
}
