import type { Flag, ParsedFlags } from '../config.ts'

export const EXIT_OK = 0
/** Refused or failed; the sentence says why. */
export const EXIT_FAILED = 1
/** The command line is not understood. */
export const EXIT_USAGE = 2

/** How an answer that nobody else should read is typed: unseen, or seen and then wiped off the screen with its question. */
export type Secrecy = 'hidden' | 'wiped'

/** The world of a command, so that tests can bring their own. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly version: string
  /** Directory of the built page. */
  readonly webRoot: string
  /** Width of the terminal in columns; undefined when standard output is none. */
  readonly columns: number | undefined
  /** Ends `start`: Ctrl-C. */
  readonly signal: AbortSignal
  print(text: string): void
  printError(text: string): void
  now(): number
  /** Asks a person at the terminal; undefined where there is none. */
  readonly ask?: ((question: string, secrecy?: Secrecy) => Promise<string>) | undefined
}

export interface Command {
  /** As typed: `voucher create`. */
  readonly name: string
  readonly parameters: string
  readonly summary: string
  readonly flags: Readonly<Record<string, Flag>>
  /** Names of the positional parameters, all required. */
  readonly positionals: readonly string[]
  /** Whether they may be left out, all of them. */
  readonly positionalsOptional?: boolean
  /** @returns exit code @throws {LaresError} whose message is a sentence for a person */
  run(input: ParsedFlags, context: CliContext): Promise<number>
}

export const DATA_DIR_FLAG: Flag = { type: 'string', hint: 'DIR', help: "the relay's data folder" }
export const YES_FLAG = { type: 'boolean', hint: '', help: 'do not ask whether to go on' } as const
export const JSON_FLAG: Flag = { type: 'boolean', hint: '', help: 'answer as JSON, for machines' }
