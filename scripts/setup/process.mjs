import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { inRepo, ROOT } from './paths.mjs'

/** A mistake or lack that one plain sentence explains; shown without a stack. */
export class SetupError extends Error {}

/** Progress of the set-up goes to stderr: stdout belongs to the command that was asked for.
 * @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** @typedef {{ code: number, stdout: string, output: string, timedOut: boolean }} Finished */

/**
 * Runs a program in the repository and waits for it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ output?: 'show' | 'stderr' | 'collect', timeoutMs?: number, env?: NodeJS.ProcessEnv, shell?: boolean }} [options]
 *   output: `show` passes both streams through, `stderr` sends both to stderr, `collect` returns them
 * @returns {Promise<Finished>} never rejects; a program that cannot be started ends with code 127
 */
export function run(command, args, { output = 'show', timeoutMs, env = projectEnv(), shell = false } = {}) {
  return new Promise((resolve) => {
    /** @type {import('node:child_process').StdioOptions} */
    const stdio =
      output === 'collect' ? ['ignore', 'pipe', 'pipe'] : ['ignore', output === 'stderr' ? 2 : 'inherit', 'inherit']
    const child = spawn(command, args, { cwd: ROOT, stdio, env, shell })
    let stdout = ''
    let all = ''
    let timedOut = false
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk
      all += chunk
    })
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      all += chunk
    })
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            child.kill()
            setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
          }, timeoutMs)
    const stopWatching = whenOrphaned(() => child.kill())
    /** @param {number} code */
    const finish = (code) => {
      clearTimeout(timer)
      stopWatching()
      resolve({ code, stdout, output: all, timedOut })
    }
    child.on('error', (error) => {
      all += error.message
      finish(127)
    })
    child.on('close', (code, signal) => finish(timedOut ? 124 : (code ?? signalCode(signal))))
  })
}

const PARENT_WATCH_MS = 500

/**
 * A signal sent to npm ends npm and its shell but never reaches us, and the relay would run on, unseen. So whoever
 * was started by npm watches for the loss of its parent.
 * @param {() => void} act
 * @returns {() => void} ends the watch
 */
function whenOrphaned(act) {
  if (process.env['npm_lifecycle_event'] === undefined) return () => {}
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    act()
  }, PARENT_WATCH_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Time the terminal's own Ctrl-C gets to stop the program before it is told once more, by SIGTERM. */
const STOP_GRACE_MS = 10_000

/**
 * Hands the terminal over to a long-running program: streams, signals, exit code.
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code, 128 + n when signal n ended it
 */
export function handOver(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', env: projectEnv() })
    const atTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY)
    let interrupted = false
    process.on('SIGINT', () => {
      // Ctrl-C reaches the whole foreground group, and npm sends its script a second one: the program must see one.
      if (!atTerminal && !interrupted) child.kill('SIGINT')
      if (atTerminal && !interrupted) setTimeout(() => child.kill('SIGTERM'), STOP_GRACE_MS).unref()
      interrupted = true
    })
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
    whenOrphaned(() => {
      if (!interrupted) child.kill('SIGTERM')
    })
    child.on('error', (error) => {
      say(`${command} could not be started: ${error.message}`)
      resolve(127)
    })
    child.on('exit', (code, signal) => resolve(code ?? signalCode(signal)))
  })
}

/** @param {NodeJS.Signals | null} signal */
function signalCode(signal) {
  return signal === null ? 1 : 128 + (constants.signals[signal] ?? 1)
}

/** The environment with the project's own tools, and so its Node, first in the path. */
export function projectEnv() {
  const env = { ...process.env }
  // Windows spells it Path, and an environment may hold only one of the spellings.
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  const bin = inRepo('node_modules', '.bin')
  const entries = (env[key] ?? '').split(path.delimiter).filter((entry) => entry !== bin)
  env[key] = [bin, ...entries].join(path.delimiter)
  return env
}

/**
 * Runs npm: the one that started us where there is one, on the Node it runs on.
 * @param {readonly string[]} args
 * @returns {Promise<Finished>}
 */
export function runNpm(args) {
  const { npm_execpath: cli, npm_node_execpath: node, ...rest } = process.env
  const quiet = [...args, '--loglevel=error', '--no-fund', '--no-audit']
  if (cli !== undefined && path.basename(cli).startsWith('npm-cli') && existsSync(cli)) {
    const runtime = node !== undefined && existsSync(node) ? node : process.execPath
    return run(runtime, [cli, ...quiet], { output: 'stderr', env: { ...process.env } })
  }
  // npm is a .cmd file on Windows, which only a shell can start.
  return run('npm', quiet, { output: 'stderr', env: rest, shell: process.platform === 'win32' })
}

/** The JavaScript file behind a package's command, to be run by the Node of our choice on every system.
 * @param {string} packageName
 * @param {string} [command] */
export function toolPath(packageName, command = packageName) {
  const folder = inRepo('node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  return path.join(folder, typeof bin === 'string' ? bin : bin[command])
}

/**
 * Runs a script's main function: sentences instead of stacks for what the user can mend.
 * @param {() => Promise<number>} main returns the exit code
 */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    process.exitCode = 1
  }
}
