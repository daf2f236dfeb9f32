/** A real relay: the command line in a process of its own, with a data directory that the test names. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))
const START_TIMEOUT_MS = 60_000
/** Of pino. */
const ERROR_LEVEL = 50

export interface RelayProcessInit {
  /** Kept by the test; a new one when absent. */
  readonly dataDir?: string
  readonly flags?: readonly string[]
  /** Runs before the program, e.g. `['ip', 'netns', 'exec', 'relay']`. */
  readonly prefix?: readonly string[]
  readonly listen?: string
  /** Flags of Node itself. */
  readonly execArgv?: readonly string[]
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
}

export interface RelayProcess {
  readonly dataDir: string
  readonly pid: number
  /** Everything it has printed. */
  output(): string
  /** `https://…/#join=…` as printed. */
  readonly joinUrl: string
  /** `http://127.0.0.1:…/` as printed, for a browser on the same PC. */
  readonly localUrl: string
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** Ctrl-C, and waits. */
  stop(): Promise<void>
}

export async function makeDataDir(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'lares-relay-'))
}

export async function removeDataDir(dataDir: string): Promise<void> {
  await rm(dataDir, { recursive: true, force: true })
}

/** What a relay has logged as an error: lines of its log. */
export async function loggedErrors(dataDir: string): Promise<string[]> {
  const lines = (await readFile(join(dataDir, 'relay.log'), 'utf8')).split('\n').filter(Boolean)
  return lines.filter((line) => (JSON.parse(line) as { level: number }).level >= ERROR_LEVEL)
}

/** A node that is a coordination node and nothing else. */
export type CoordinationProcess = Omit<RelayProcess, 'joinUrl' | 'localUrl'>

/** Starts one on free ports, and waits for its banner. At its first start its flags bring the link. */
export async function startCoordinationProcess(init: RelayProcessInit = {}): Promise<CoordinationProcess> {
  return await startProcess({ ...init, flags: ['--roles', 'coordination', ...(init.flags ?? [])] })
}

/** Starts a relay on free ports at the test preset, and waits for its banner. */
export async function startRelayProcess(init: RelayProcessInit = {}): Promise<RelayProcess> {
  const started = await startProcess(init)
  const output = started.output()
  return {
    ...started,
    joinUrl: found(output, /https?:\/\/\S+#join=\S+/),
    localUrl: found(output, /http:\/\/127\.0\.0\.1:\d+\//),
  }
}

async function startProcess(init: RelayProcessInit): Promise<CoordinationProcess> {
  const dataDir = init.dataDir ?? (await makeDataDir())
  const flags = [
    '--data-dir',
    dataDir,
    '--network',
    'test',
    '--listen',
    init.listen ?? '127.0.0.1',
    '--log-level',
    'debug',
  ]
  const ports = ['--port', '0', '--udp-port', '0', '--ws-port', '0', '--tcp-port', '0']
  const [command, ...args] = [
    ...(init.prefix ?? []),
    process.execPath,
    ...(init.execArgv ?? []),
    MAIN,
    'start',
    ...flags,
    ...ports,
    ...(init.flags ?? []),
  ]
  const child = spawn(command as string, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...init.env },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  await banner(child, () => output)
  return {
    dataDir,
    pid: child.pid as number,
    output: () => output,
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGINT'),
  }
}

/** Runs another command of the command line on a relay's data directory. */
export function lares(dataDir: string, ...args: readonly string[]): Promise<CommandOutcome> {
  return laresWith('', dataDir, ...args)
}

export interface CommandOutcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The same, with something on standard input: the owner's words. */
export async function laresWith(input: string, dataDir: string, ...args: readonly string[]): Promise<CommandOutcome> {
  const running = promisify(execFile)(process.execPath, [MAIN, ...args, '--data-dir', dataDir])
  running.child.stdin?.end(input)
  try {
    const { stdout, stderr } = await running
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

/** The recovery words that the founding of a network has printed. */
export function ownerWords({ output }: Pick<RelayProcess, 'output'>): string {
  return [...output().matchAll(/\b(?:[1-9]|1[0-2]) ([a-z]{3,8})\b/g)].map(([, word]) => word).join(' ')
}

/** A fresh voucher as text, and as a link where the relay has printed one. */
export async function newVoucher(dataDir: string, ...flags: readonly string[]): Promise<{ text: string; url: string }> {
  const { code, stdout, stderr } = await lares(dataDir, 'voucher', 'create', '--json', ...flags)
  if (code !== 0) throw new Error(`voucher create: ${stderr}`)
  return (JSON.parse(stdout) as { text: string; url: string }[])[0] as { text: string; url: string }
}

function found(text: string, pattern: RegExp): string {
  const match = pattern.exec(text)
  if (match === null) throw new Error(`the relay printed no ${pattern}:\n${text}`)
  return match[0]
}

function banner(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the relay did not start:\n${output()}`)), START_TIMEOUT_MS)
    const check = () => {
      if (!/Ctrl-C stops the (?:relay|node)/.test(output())) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout?.on('data', check)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the relay ended with ${code}:\n${output()}`))
    })
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}
