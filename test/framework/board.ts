/** `lares device` without a process of its own: a test asks for it a dozen times. */
import { runCommandLine } from '../../node-relay/cli/run.ts'
import type { CommandOutcome } from './relay-process.ts'

/** @param directory where it runs */
export async function runBoard(directory: string, ...args: readonly string[]): Promise<CommandOutcome> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runCommandLine(['device', ...args], {
    env: {},
    cwd: directory,
    version: '0',
    webRoot: directory,
    columns: undefined,
    signal: new AbortController().signal,
    print: (text) => out.push(`${text}\n`),
    printError: (text) => err.push(text),
    now: Date.now,
  })
  return { code, stdout: out.join(''), stderr: err.join('') }
}
