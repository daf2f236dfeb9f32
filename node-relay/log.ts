import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { type DestinationStream, type Logger, pino } from 'pino'
import { PRIVATE_FILE_MODE } from './atomic-file.ts'

export type { Logger } from 'pino'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** A log file is rolled over at this size, bytes. */
export const MAX_LOG_FILE_BYTES = 5 * 1024 * 1024
/** Rolled files kept besides the current one; the oldest is overwritten. */
export const ROLLED_LOG_FILES = 3

/** Names under which a secret could come into a log record; never written. */
const SECRET_NAMES = ['privateKey', 'secret', 'seed', 'words', 'ownerWords', 'voucher', 'key', 'authorization']

export interface LogInit {
  readonly level: LogLevel
  /** A path for a file with rollover, or standard error. */
  readonly destination: { readonly file: string } | 'stderr'
}

/** Structured log (one JSON object a line). Secrets are cut out by name, in the record and one level down. */
export function createLog({ level, destination }: LogInit): Logger {
  const stream =
    destination === 'stderr' ? pino.destination({ dest: 2, sync: true }) : createRollingFile(destination.file)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    stream,
  )
}

/**
 * Appends to a file; when it is full, `name` becomes `name.1`, that one `name.2`, and so on. A log that cannot be
 * written is dropped: a full disk must not stop the relay.
 *
 * Written here and not by a package: those write through streams, and what such a stream still holds is lost when the
 * process dies. Each line is with the system before the program goes on, so the last one before a crash is there.
 */
export function createRollingFile(
  path: string,
  { maxBytes = MAX_LOG_FILE_BYTES, rolled = ROLLED_LOG_FILES } = {},
): DestinationStream & { close(): void } {
  /** undefined: could not be opened, or is closed. Its number is never used then: it may be another file's by now. */
  let file: number | undefined = openSync(path, 'a', PRIVATE_FILE_MODE)
  let size = fstatSync(file).size
  let isClosed = false

  function close(): void {
    if (file === undefined) return
    const open = file
    file = undefined
    closeSync(open)
  }

  function open(flags: 'a' | 'w'): number {
    file = openSync(path, flags, PRIVATE_FILE_MODE)
    size = fstatSync(file).size
    return file
  }

  function rollOver(): number {
    close()
    for (let index = rolled; index > 0; index--) {
      try {
        renameSync(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`)
      } catch {
        // That many files are not there yet.
      }
    }
    return open('w')
  }

  return {
    write(line) {
      if (isClosed) return
      const bytes = Buffer.from(line)
      try {
        let target = file ?? open('a')
        if (size > 0 && size + bytes.length > maxBytes) target = rollOver()
        for (let written = 0; written < bytes.length; ) {
          const step = writeSync(target, bytes, written)
          written += step
          size += step
        }
      } catch {
        // Nowhere to say it.
      }
    },
    close() {
      isClosed = true
      close()
    },
  }
}
