import { createInterface } from 'node:readline/promises'
import { PassThrough } from 'node:stream'
import type { CliContext } from './command.ts'

/** What is needed of a terminal that shows things. */
export interface Screen extends NodeJS.WritableStream {
  readonly columns?: number
}

const CLEAR_LINE = '\u001B[2K'
const UP = '\u001B[A'

/**
 * Asks a person. A passphrase is typed unseen. Recovery words are too many for that: they are seen, and wiped off the screen
 * with their question once they are typed, so that they do not stay in the scrollback.
 */
export function askAtTerminal(
  input: NodeJS.ReadableStream,
  screen: Screen,
  signal: AbortSignal,
): NonNullable<CliContext['ask']> {
  return async (question, secrecy) => {
    const isHidden = secrecy === 'hidden'
    if (isHidden) screen.write(question)
    const output = isHidden ? new PassThrough().resume() : screen
    const terminal = createInterface({ input, output, terminal: true, historySize: 0 })
    try {
      const answer = await terminal.question(isHidden ? '' : question, { signal })
      if (isHidden) screen.write('\n')
      if (secrecy === 'wiped') screen.write(wipe(question.length + answer.length, screen.columns ?? 80))
      return answer
    } finally {
      terminal.close()
    }
  }
}

/** The cursor is on the line below. */
function wipe(length: number, columns: number): string {
  const lines = Math.max(1, Math.ceil(length / columns))
  return `${(UP + CLEAR_LINE).repeat(lines)}\r`
}
