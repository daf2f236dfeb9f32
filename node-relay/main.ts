import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { askAtTerminal } from './cli/ask.ts'
import { runCommandLine } from './cli/run.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const stopping = new AbortController()
// Once: a second Ctrl-C ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())

// Whoever read our output may be gone (`npm start | head`); the relay goes on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const code = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  // npm runs scripts in the repository, whatever folder its user is in.
  cwd: process.env['INIT_CWD'] ?? process.cwd(),
  version,
  webRoot: process.env['LARES_WEB_ROOT'] ?? fileURLToPath(new URL('../dist/web', import.meta.url)),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  signal: stopping.signal,
  print: (text) => process.stdout.write(`${text}\n`),
  printError: (text) => process.stderr.write(`${text}\n`),
  now: Date.now,
  ask: process.stdin.isTTY ? askAtTerminal(process.stdin, process.stdout, stopping.signal) : undefined,
})
// A pipe takes a long list in pieces, after we have written it: what was printed must be out before the process ends.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
)
// All is closed and on disk by now; threads of the native WebRTC library may not know it and would keep the process.
process.exit(code)
