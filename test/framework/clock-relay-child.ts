/** The process behind `startClockRelay`. */
import { createLog } from '../../node-relay/log.ts'
import { type MinerClock, systemClock } from '../../node-relay/mining/system-clock.ts'
import { createRelay } from '../../node-relay/relay.ts'
import { PRESETS } from '../../shared/params.ts'
import type { FromClockRelay, ToClockRelay } from './clock-relay.ts'

const { dataDir, mineShare } = JSON.parse(process.argv[2] ?? '{}') as { dataDir: string; mineShare: number }
process.on('disconnect', () => process.exit())

let offset = { wall: 0, steady: 0 }
/** Set by the test; timers run on: whoever sleeps is woken in the end. */
const clock: MinerClock = {
  now: () => systemClock.now() + offset.wall,
  steady: () => systemClock.steady() + offset.steady,
  after: systemClock.after,
}

const relay = await createRelay({
  dataDir,
  version: 'test',
  parameters: PRESETS.test,
  roles: ['full', 'coordination'],
  name: 'clock',
  mineShare,
  hosts: ['127.0.0.1'],
  udpPort: 0,
  wsPort: undefined,
  tcpPort: undefined,
  clock,
  log: createLog({ level: 'error', destination: 'stderr' }),
  onOwnerWords: () => {},
})
const send = (id: number) => process.send?.({ id, status: relay.facade.status() } satisfies FromClockRelay)

process.on('message', async (message: ToClockRelay) => {
  if (message.kind === 'set') offset = { wall: message.wall, steady: message.steady }
  if (message.kind === 'stop') {
    await relay.stop()
    process.exit()
  }
  send(message.id)
})
send(0)
