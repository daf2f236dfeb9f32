import { LaresError } from '../../shared/errors.ts'
import type { ParsedFlags } from '../config.ts'
import type { CliContext } from './command.ts'

/** Whether a person says yes, here or by `--yes` before. @throws {LaresError} `usage` when nobody can be asked */
export async function isWanted({ values }: ParsedFlags, { ask }: CliContext, question: string): Promise<boolean> {
  if (values['yes'] === true) return true
  if (ask === undefined) throw new LaresError('usage', 'Nobody is here to ask: say --yes.')
  return /^y(es)?$/i.test((await ask(`${question} (yes/no) `)).trim())
}

/** @throws {LaresError} `not-wanted`, `usage` */
export async function assertWanted(input: ParsedFlags, context: CliContext, question: string): Promise<void> {
  if (!(await isWanted(input, context, question))) throw new LaresError('not-wanted', 'Nothing was changed.')
}
