import { LaresError } from '../../shared/errors.ts'
import { parseFlags, RELAY_FLAGS } from '../config.ts'
import { audit } from './audit.ts'
import { backup } from './backup.ts'
import { certificateCheck } from './certificate.ts'
import { certificateEvidence } from './certificate-evidence.ts'
import { clockConfirm } from './clock.ts'
import { type CliContext, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts'
import { dbCompact, dbRollback, dbVerify } from './db.ts'
import { deviceAnswer } from './device-answer.ts'
import { deviceJoin } from './device-join.ts'
import { deviceKeygen } from './device-keygen.ts'
import { deviceRenew, deviceRetire, deviceShow } from './device-life.ts'
import { devices } from './devices.ts'
import { directoryExport, directoryList, directoryRemove } from './directory.ts'
import { doctor } from './doctor.ts'
import { enroll } from './enroll.ts'
import { fullApply, fullLeave, fullList, fullStatus, fullVouch } from './full.ts'
import { labels } from './labels.ts'
import { pair } from './pair.ts'
import { policyDistrust, policyShow, policyTrust } from './policy.ts'
import { proofExport, proofVerify } from './proof.ts'
import { recover } from './recover.ts'
import { restore } from './restore.ts'
import { rosterPropose, rosterShow, rosterSubmit, rosterVote } from './roster.ts'
import { serviceInstall, serviceUninstall } from './service.ts'
import type { RelayFactory } from './start.ts'
import { status } from './status.ts'
import { formatTable } from './text.ts'
import { uninstall } from './uninstall.ts'
import { voucherCreate } from './voucher.ts'
import { walletRotate, walletShow } from './wallet.ts'
import { walletRecover } from './wallet-recover.ts'

/** Reads its flags itself, and is loaded only when asked for: the other commands answer sooner without servers. */
const start: Command = {
  name: 'start',
  parameters: '[flags]',
  summary: 'run the relay until Ctrl-C',
  flags: RELAY_FLAGS,
  positionals: [],
  run: () => Promise.reject(new Error('started elsewhere')),
}

const COMMANDS: readonly Command[] = [
  start,
  status,
  voucherCreate,
  devices,
  audit,
  proofExport,
  proofVerify,
  certificateCheck,
  certificateEvidence,
  enroll,
  labels,
  directoryExport,
  directoryList,
  directoryRemove,
  clockConfirm,
  backup,
  restore,
  deviceKeygen,
  deviceJoin,
  deviceAnswer,
  deviceRenew,
  deviceRetire,
  deviceShow,
  recover,
  walletShow,
  walletRotate,
  walletRecover,
  rosterShow,
  rosterPropose,
  rosterVote,
  rosterSubmit,
  pair,
  fullApply,
  fullStatus,
  fullVouch,
  fullList,
  fullLeave,
  policyShow,
  policyTrust,
  policyDistrust,
  doctor,
  dbVerify,
  dbCompact,
  dbRollback,
  serviceInstall,
  serviceUninstall,
  uninstall,
]

/** Runs one command line. Never throws; prints a sentence for whatever goes wrong. @returns exit code */
export async function runCommandLine(
  args: readonly string[],
  context: CliContext,
  createRelay?: RelayFactory,
): Promise<number> {
  const [first = 'help'] = args
  if (['help', '--help', '-h'].includes(first))
    return help(args[1] === undefined ? undefined : args.slice(1).join(' '), context)
  if (['--version', '-V', 'version'].includes(first)) {
    context.print(context.version)
    return EXIT_OK
  }
  const command = COMMANDS.find(({ name }) => name === args.slice(0, name.split(' ').length).join(' '))
  if (command === undefined) {
    const longer = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => `"lares ${name}"`)
    context.printError(
      longer.length > 0 ? `Say which: ${longer.join(' or ')}.` : `There is no command "${first}"; see "lares help".`,
    )
    return EXIT_USAGE
  }
  const rest = args.slice(command.name.split(' ').length)
  if (rest.includes('--help') || rest.includes('-h')) return help(command.name, context)
  try {
    if (command === start) {
      const { runStart } = await import('./run-start.ts')
      return await runStart(rest, context, createRelay)
    }
    const input = parseFlags(rest, command.flags)
    if (!input.ok) {
      context.printError(input.detail)
      return EXIT_USAGE
    }
    const { positionals } = input.value
    const leftOut = command.positionalsOptional === true && positionals.length === 0
    if (positionals.length !== command.positionals.length && !leftOut) {
      context.printError(`This is used as: lares ${command.name} ${command.parameters}`.trimEnd())
      return EXIT_USAGE
    }
    return await command.run(input.value, context)
  } catch (error) {
    context.printError(
      error instanceof LaresError ? error.message : `Something failed that should not: ${(error as Error).message}.`,
    )
    if (!(error instanceof LaresError) && context.env['LARES_DEBUG'] !== undefined)
      context.printError(String((error as Error).stack))
    return error instanceof LaresError && error.code === 'usage' ? EXIT_USAGE : EXIT_FAILED
  }
}

function summaryOf({ name, parameters, summary }: Command): string[] {
  return [`  lares ${name} ${parameters}`.trimEnd(), summary]
}

function help(name: string | undefined, context: CliContext): number {
  if (name === undefined) {
    const rows = COMMANDS.map(summaryOf)
    const others = [
      ['  lares help [COMMAND]', 'this, or the flags of a command'],
      ['  lares --version', 'the version'],
    ]
    context.print(
      `Lares: an identity and trust ledger for the devices of a home.\n\n${formatTable([...rows, ...others])}\n`,
    )
    return EXIT_OK
  }
  const command = COMMANDS.find((known) => known.name === name)
  const group = COMMANDS.filter((known) => known.name.startsWith(`${name} `))
  if (command === undefined && group.length > 0) {
    context.print(`${formatTable(group.map(summaryOf))}\n`)
    return EXIT_OK
  }
  if (command === undefined) {
    context.printError(`There is no command "${name}"; see "lares help".`)
    return EXIT_USAGE
  }
  const flags = Object.entries(command.flags).map(([flag, { hint, help: text }]) => [
    `  --${flag} ${hint}`.trimEnd(),
    text,
  ])
  context.print(`lares ${command.name} ${command.parameters}\n${command.summary}\n\n${formatTable(flags)}\n`)
  return EXIT_OK
}
