import { readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { DEFAULT_NAME } from '../config.ts'
import { dataDirHolder, defaultDataDir, inspectDataDir, openDataDir } from '../data-dir.ts'
import { findRelayFile } from '../full-node/relay-file.ts'
import { adminSocketPath } from '../http/admin-socket.ts'
import { serviceName } from '../service/definition.ts'
import { hasService, uninstallService } from '../service/install.ts'
import { dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK } from './command.ts'
import { serviceContext } from './service.ts'

/** The keys, and the mark by which a later start knows the folder as its own. */
const WALLET_FILES: readonly string[] = ['keys.json', 'lares.json']
/** Goes last: what was cut off in the middle can be done again. */
const MARK = 'lares.json'

export const uninstall: Command = {
  name: 'uninstall',
  parameters: '[--keep-wallet] [--yes]',
  summary: "remove this relay's service, data and configuration for good",
  flags: {
    'keep-wallet': { type: 'boolean', hint: '', help: 'leave the keys of the relay where they are' },
    yes: { type: 'boolean', hint: '', help: 'do not ask' },
    'data-dir': DATA_DIR_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const keepWallet = input.values['keep-wallet'] === true
    const found = inspectDataDir(dataDir)
    if (!found.ok && found.code === 'foreign-data-dir') throw new LaresError(found.code, found.detail)
    if (found.ok && found.value !== 'relay')
      throw new LaresError('no-relay', `There is no relay in ${dataDir}; name its folder with --data-dir.`)
    const service = {
      name: serviceName(dataDir, dataDir === resolve(context.cwd, defaultDataDir(context.env))),
      dataDir,
    }
    const system = serviceContext(input, context)
    assertStopped(dataDir, hasService(service, system) ? service.name : undefined)

    const name = networkName(dataDir)
    if (input.values['yes'] !== true && !(await isConfirmed(dataDir, name, keepWallet, context))) {
      context.printError('Nothing was removed.')
      return EXIT_FAILED
    }
    // First, and it may refuse: a service without its data would start an empty relay with the next log-in.
    await uninstallService(service, system)
    removeData(dataDir, keepWallet)
    context.print(
      keepWallet
        ? `Removed: all of ${dataDir} but the keys, which are in ${join(dataDir, WALLET_FILES[0] as string)}.`
        : `Removed: ${dataDir}. The owner words on paper are all that is left of it.`,
    )
    return EXIT_OK
  },
}

function assertStopped(dataDir: string, service: string | undefined): void {
  const holder = dataDirHolder(dataDir)
  if (holder === undefined) return
  const how = service === undefined ? 'press Ctrl-C in its window' : `systemctl --user stop ${service}`
  throw new LaresError('data-dir-in-use', `A relay (process ${holder}) works with ${dataDir}; stop it first: ${how}.`)
}

/** As in its join links. */
function networkName(dataDir: string): string {
  const link = parseJoinLink(`#join=${findRelayFile(dataDir)?.link ?? ''}`)
  return link.ok ? link.value.link.name : DEFAULT_NAME
}

async function isConfirmed(dataDir: string, name: string, keepWallet: boolean, context: CliContext): Promise<boolean> {
  if (context.ask === undefined)
    throw new LaresError('usage', 'Nobody can be asked here; say --yes if you are sure that this relay is to go.')
  const entries = readdirSync(dataDir).filter((entry) => !keepWallet || !WALLET_FILES.includes(entry))
  context.print(
    [
      `This removes the relay of the network "${name}" from this PC. In ${dataDir} there go:`,
      `  ${entries.sort().join('  ')}`,
      keepWallet
        ? 'Its keys stay. The chain, its address and its configuration go.'
        : 'Its keys go, too: without the owner words on paper or a backup, nobody can replace this relay in its network.',
    ].join('\n'),
  )
  return (await context.ask(`Type the name of the network (${name}) to go on: `)).trim() === name
}

/** @throws {LaresError} `data-dir-in-use` when a relay has just started */
function removeData(dataDir: string, keepWallet: boolean): void {
  // The lock is held while things go, so that no relay starts among them. A folder that is damaged or newer than this
  // program has nobody working with it either (looked at before), and goes without.
  const opened = openDataDir(dataDir)
  if (!opened.ok && opened.code === 'data-dir-in-use') throw new LaresError(opened.code, opened.detail)
  const kept = (entry: string) => keepWallet && WALLET_FILES.includes(entry)
  const entries = readdirSync(dataDir).filter((entry) => entry !== MARK && entry !== 'lock' && !kept(entry))
  for (const entry of entries) rmSync(join(dataDir, entry), { recursive: true, force: true })
  if (process.platform !== 'win32') rmSync(adminSocketPath(dataDir), { force: true })
  if (!keepWallet) rmSync(join(dataDir, MARK), { force: true })
  if (opened.ok) opened.value.close()
  else rmSync(join(dataDir, 'lock'), { force: true })
  if (!keepWallet) rmdirSync(dataDir)
}
