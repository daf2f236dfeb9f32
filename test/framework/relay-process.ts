/** A real relay: the command line in a process of its own, with a data directory that the test names. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))
const START_TIMEOUT_MS = 60_000

export interface RelayProcessInit {
  /** Kept by the test; a new one when absent. */
  readonly dataDir?: string
  readonly flags?: readonly string[]
  /** Runs before the program, e.g. `['ip', 'netns', 'exec', 'relay']`. */
  readonly prefix?: readonly string[]
  readonly listen?: string
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

/** Starts a relay on free ports at the test preset, and waits for its banner. */
export async function startRelayProcess(init: RelayProcessInit = {}): Promise<RelayProcess> {
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
    joinUrl: found(output, /https?:\/\/\S+#join=\S+/),
    localUrl: found(output, /http:\/\/127\.0\.0\.1:\d+\//),
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGINT'),
  }
}

/** Runs another command of the command line on a relay's data directory. */
export async function lares(
  dataDir: string,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...args, '--data-dir', dataDir])
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
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
      if (!/Ctrl-C stops the relay/.test(output())) return
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
