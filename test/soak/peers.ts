/**
 * Thirty browser-like peers from one address each receive, for two minutes, every header of a real relay that mines; or,
 * with --speaker relay or peer, every message of a bare network host, or of one of them through it.
 * Flags: --peers 30 --seconds 120 --processes 2 --transport webrtc-direct|websocket --speaker miner|relay|peer
 */
import { parseArgs } from 'node:util'
import { runHeaderCrowd } from '../framework/header-crowd.ts'
import { runCrowd } from '../framework/network.ts'

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '120' },
    processes: { type: 'string', default: '2' },
    transport: { type: 'string', default: 'webrtc-direct' },
    speaker: { type: 'string', default: 'miner' },
  },
})

const options = {
  peers: Number(values.peers),
  processes: Number(values.processes),
  seconds: Number(values.seconds),
  transport: values.transport === 'websocket' ? ('websocket' as const) : ('webrtc-direct' as const),
}
const every = 10
const progress = (unit: string) => (count: number, received: number) => {
  if (count % every === 0) console.log(`${count} ${unit}, ${received} received`)
}

async function run(): Promise<{ missing: readonly string[]; lost: number; said: number }> {
  if (values.speaker === 'miner') {
    const result = await runHeaderCrowd({ ...options, onProgress: progress('s') })
    console.log(result)
    return { ...result, said: result.headers }
  }
  const speaker = values.speaker === 'peer' ? 'peer' : 'relay'
  const result = await runCrowd({ ...options, speaker, onProgress: progress('sent') })
  console.log(result)
  return { ...result, said: result.sent }
}

const { missing, lost, said } = await run()
const good = missing.length === 0 && lost === 0 && said > 0
const what = values.speaker === 'miner' ? 'headers' : 'messages'
console.log(good ? `All ${values.peers} peers received all ${said} ${what}.` : `FAILED: ${what} were missed.`)
process.exit(good ? 0 : 1)
