import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CliContext } from '../../../node-relay/cli/command.ts'
import { runCommandLine } from '../../../node-relay/cli/run.ts'
import type { RelayFactory } from '../../../node-relay/cli/start.ts'
import type { RelayFacade } from '../../../node-relay/facade.ts'
import type { RelayInit } from '../../../node-relay/relay.ts'
import { createFakeRelay } from '../../framework/fake-relay.ts'

export interface Home {
  readonly directory: string
  readonly dataDir: string
  readonly page: string
  /** Runs a command to its end. */
  run(...args: string[]): Promise<{ code: number; out: string; err: string }>
  /** The same at a terminal, where somebody answers. */
  answering(ask: NonNullable<CliContext['ask']>, ...args: string[]): Promise<{ code: number; out: string; err: string }>
  /** Starts a relay with a made-up node; resolves when its doors are open, or it has failed. */
  start(...args: string[]): Promise<Started>
  clear(): Promise<void>
}

export interface Started {
  readonly out: () => string
  readonly err: () => string
  readonly init: RelayInit | undefined
  readonly pageUrls: readonly string[]
  /** Ctrl-C; resolves with the exit code. */
  stop(): Promise<number>
}

export const OWNER_WORDS = 'legal winner thank year wave sausage worth useful legal winner thank yellow'

/** A home for command line tests: a folder, and relays whose node is made up but whose doors are real. */
export function createHome(facade: Partial<RelayFacade> = {}): Home {
  const directory = mkdtempSync(join(tmpdir(), 'lares-cli-'))
  const dataDir = join(directory, 'data')
  const page = join(directory, 'page')
  const running = new Set<Started>()

  function context(more: Partial<CliContext> = {}) {
    const out: string[] = []
    const err: string[] = []
    const made: CliContext = {
      env: {
        PATH: process.env['PATH'],
        XDG_DATA_HOME: directory,
        XDG_CONFIG_HOME: join(directory, 'settings'),
        LOCALAPPDATA: directory,
      },
      cwd: directory,
      version: '9.8.7',
      webRoot: page,
      columns: undefined,
      signal: new AbortController().signal,
      print: (text) => out.push(text),
      printError: (text) => err.push(text),
      now: Date.now,
      ...more,
    }
    return { context: made, out: () => out.join('\n'), err: () => err.join('\n') }
  }

  return {
    directory,
    dataDir,
    page,
    async run(...args) {
      const made = context()
      return { code: await runCommandLine(args, made.context), out: made.out(), err: made.err() }
    },
    async answering(ask, ...args) {
      const made = context({ ask })
      return { code: await runCommandLine(args, made.context), out: made.out(), err: made.err() }
    },
    async start(...args) {
      const ending = new AbortController()
      let ready = () => {}
      const opened = new Promise<void>((resolve) => {
        ready = resolve
      })
      const made = context({ signal: ending.signal })
      const pageUrls: string[] = []
      let init: RelayInit | undefined
      const createRelay: RelayFactory = async (given) => {
        init = given
        given.onOwnerWords(OWNER_WORDS)
        return {
          facade: createFakeRelay(facade),
          networkId: new Uint8Array(32),
          deviceId: new Uint8Array(32),
          peerId: 'peer',
          setPageUrl: (url) => pageUrls.push(url),
          stop: async () => {},
        }
      }
      const signal = Object.assign(ending.signal, {})
      // `start` waits for the signal once all is open.
      const listen = signal.addEventListener.bind(signal)
      signal.addEventListener = (...given: Parameters<typeof listen>) => {
        listen(...given)
        ready()
      }
      const ended = runCommandLine(
        [
          'start',
          '--data-dir',
          dataDir,
          '--listen',
          '127.0.0.1',
          '--port=0',
          '--udp-port=0',
          '--ws-port=0',
          '--tcp-port=0',
          ...args,
        ],
        made.context,
        createRelay,
      )
      const started: Started = {
        out: made.out,
        err: made.err,
        get init() {
          return init
        },
        pageUrls,
        async stop() {
          running.delete(started)
          ending.abort()
          return ended
        },
      }
      running.add(started)
      await Promise.race([opened, ended])
      return started
    },
    async clear() {
      for (const started of running) await started.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

/** A port held by another program until released. */
export async function holdTcpPort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    async release() {
      server.close()
      await once(server, 'close')
    },
  }
}
