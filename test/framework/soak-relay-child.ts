/** The process behind `startSoakRelay`: the command line itself, with a probe, and with another clock if told. */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { runCommandLine } from '../../node-relay/cli/run.ts'
import { createRelay, type Relay } from '../../node-relay/relay.ts'
import { fastMinerClock } from './fast-clock.ts'
import type { FromSoakRelay, SoakRelayInit, ToSoakRelay } from './soak-relay.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const { args, webRoot, clock } = JSON.parse(process.argv[2] ?? '{}') as SoakRelayInit
const send = (message: FromSoakRelay) => process.send?.(message)
const stopping = new AbortController()
// Whoever looked on is gone. Threads of the native WebRTC library could keep a process that only exits.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('unhandledRejection', (reason) => send({ kind: 'fault', text: `unhandled rejection: ${textOf(reason)}` }))
process.on('uncaughtException', (error) => send({ kind: 'fault', text: `uncaught exception: ${textOf(error)}` }))
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') send({ kind: 'fault', text: `warning: ${textOf(warning)}` })
})

let relay: Relay | undefined
/** What a planted leak holds on to. */
const leaked: Uint8Array[] = []

process.on('message', (message: ToSoakRelay) => {
  if (message.kind === 'stop') stopping.abort()
  if (message.kind === 'sample') sample(message.id)
  if (message.kind === 'plant-rejection') void Promise.reject(new Error('planted in the relay'))
  if (message.kind === 'plant-leak') leaked.push(new Uint8Array(message.bytes).fill(1))
})

function sample(id: number): void {
  collectGarbage()
  const { rss, heapUsed, external } = process.memoryUsage()
  const { tip, peers } = (relay as Relay).facade.status()
  send({
    kind: 'sample',
    id,
    // External counts what buffers hold outside of the heap.
    sample: {
      rss,
      ...residentParts(),
      heap: heapUsed + external,
      handles: process.getActiveResourcesInfo().length,
      height: tip.height,
      peers: peers.length,
    },
  })
}

function residentParts(): { anonymous: number; mapped: number } {
  let status = ''
  try {
    status = readFileSync('/proc/self/status', 'utf8')
  } catch {
    // Linux alone tells.
  }
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1_024
  return { anonymous: bytesOf('RssAnon'), mapped: bytesOf('RssFile') }
}

function textOf(value: unknown): string {
  return value instanceof Error ? (value.stack ?? value.message) : String(value)
}

const code = await runCommandLine(
  args,
  {
    env: process.env,
    cwd: process.cwd(),
    version: 'test',
    webRoot,
    columns: undefined,
    signal: stopping.signal,
    print: (text) => process.stdout.write(`${text}\n`),
    printError: (text) => process.stderr.write(`${text}\n`),
    now: Date.now,
  },
  async (init) => {
    relay = await createRelay(clock === undefined ? init : { ...init, clock: fastMinerClock(clock) })
    return relay
  },
)
process.exit(code)
