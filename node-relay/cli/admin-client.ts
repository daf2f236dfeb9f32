import { statSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { resolve } from 'node:path'
import { json } from 'node:stream/consumers'
import { LaresError } from '../../shared/errors.ts'
import type { ParsedFlags } from '../config.ts'
import { defaultDataDir } from '../data-dir.ts'
import { adminSocketPath } from '../http/admin-socket.ts'
import type { CliContext } from './command.ts'

const TIMEOUT_MS = 15_000
/** Without a byte; the disk that a backup goes to may be slow. */
const STREAM_TIMEOUT_MS = 60_000
/** A page of devices or a proof bundle is far smaller. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/** The data folder that a command speaks of. */
export function dataDirOf({ values }: ParsedFlags, { env, cwd }: Pick<CliContext, 'env' | 'cwd'>): string {
  return resolve(cwd, (values['data-dir'] as string | undefined) ?? defaultDataDir(env))
}

/** What makes a question larger than a path. */
export interface LargeQuestion {
  /** Sent as JSON. */
  readonly body?: unknown
  readonly timeoutMs?: number
  readonly maxAnswerBytes?: number
}

/**
 * Asks the running relay over its admin socket.
 * @throws {LaresError} `relay-unreachable` when none runs there; the relay's own code and sentence when it refuses
 */
export function askRelay<Answer>(
  dataDir: string,
  path: string,
  method: 'GET' | 'POST' = 'GET',
  large: LargeQuestion = {},
): Promise<Answer> {
  const { body, timeoutMs = TIMEOUT_MS, maxAnswerBytes = MAX_ANSWER_BYTES } = large
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const socketPath = adminSocketPath(dataDir)
  const unreachable = (cause?: unknown) =>
    new LaresError(
      'relay-unreachable',
      `No relay is running with the data folder ${dataDir}; start it with "npm start", or name its folder with --data-dir.`,
      { cause },
    )
  if (!isOurs(socketPath)) return Promise.reject(unreachable())
  return new Promise((fulfil, reject) => {
    const asking = request({ socketPath, path, method, headers, timeout: timeoutMs, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > maxAnswerBytes) asking.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.on('error', (error) => reject(unreachable(error)))
      response.on('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Answer & {
            code?: string
            sentence?: string
          }
          if (response.statusCode === 200) fulfil(answer)
          else
            reject(
              new LaresError(
                answer.code ?? 'internal',
                answer.sentence ?? 'The relay failed at this; its log says more.',
              ),
            )
        } catch (error) {
          reject(unreachable(error))
        }
      })
    })
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
    asking.on('error', (error) => reject(unreachable(error)))
    asking.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/**
 * What the running relay sends bit by bit. Ends with an error when the relay does, or when the signal comes.
 * @throws {LaresError} as {@link askRelay}
 */
export async function streamFromRelay(
  dataDir: string,
  path: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<Uint8Array, void>> {
  const socketPath = adminSocketPath(dataDir)
  const notThere = (cause?: unknown) =>
    new LaresError(
      'relay-unreachable',
      `The relay with the data folder ${dataDir} does not answer; try again in a moment.`,
      {
        cause,
      },
    )
  if (!isOurs(socketPath)) throw notThere()
  const response = await new Promise<IncomingMessage>((fulfil, reject) => {
    const asking = request({ socketPath, path, timeout: STREAM_TIMEOUT_MS, agent: false, signal }, fulfil)
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
    asking.on('error', (error) => reject(notThere(error)))
    asking.end()
  })
  if (response.statusCode !== 200) {
    const answer = (await json(response).catch(() => ({}))) as { code?: string; sentence?: string }
    throw new LaresError(answer.code ?? 'internal', answer.sentence ?? 'The relay failed at this; its log says more.')
  }
  return (async function* () {
    try {
      yield* response
    } catch (error) {
      throw new LaresError(
        'relay-ended',
        'The relay ended in the middle, or found its database damaged; its log says more.',
        {
          cause: error,
        },
      )
    }
  })()
}

/** A socket of another user in a shared directory is not our relay's. */
function isOurs(socketPath: string): boolean {
  if (process.platform === 'win32') return true
  try {
    const uid = process.getuid?.()
    return uid === 0 || statSync(socketPath).uid === uid
  } catch {
    return false
  }
}
