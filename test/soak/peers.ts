/**
 * Thirty browser-like peers from one address each receive every message through one relay for two minutes.
 * Flags: --peers 30 --seconds 120 --processes 2 --transport webrtc-direct|websocket --speaker relay|peer
 */
import { parseArgs } from 'node:util'
import { runCrowd } from '../framework/network.ts'

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '120' },
    processes: { type: 'string', default: '2' },
    transport: { type: 'string', default: 'webrtc-direct' },
    speaker: { type: 'string', default: 'relay' },
  },
})

const result = await runCrowd({
  peers: Number(values.peers),
  processes: Number(values.processes),
  seconds: Number(values.seconds),
  transport: values.transport === 'websocket' ? 'websocket' : 'webrtc-direct',
  speaker: values.speaker === 'peer' ? 'peer' : 'relay',
  onProgress: (sent, received) => {
    if (sent % 10 === 0) console.log(`${sent} sent, ${received} received`)
  },
})
console.log(result)
const good = result.missing.length === 0 && result.lost === 0
console.log(good ? `All ${values.peers} peers received all ${result.sent} messages.` : 'FAILED: messages were missed.')
process.exit(good ? 0 : 1)
