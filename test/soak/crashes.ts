/**
 * A real relay, killed with SIGKILL at 200 random moments while it mines and 1,000 devices register: nothing that it said
 * is in a block is ever lost, and it never seals two headers on one parent.
 * Flags: --kills 200 --devices 1000 --seed N --verify-every 20
 */
import { parseArgs } from 'node:util'
import { runCrashes } from '../framework/crash-run.ts'
import { seededRandom } from '../node-relay/mining/seeded-random.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    devices: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    'verify-every': { type: 'string', default: '20' },
  },
})
console.log(`seed ${values.seed}`)
const started = Date.now()
const result = await runCrashes({
  kills: Number(values.kills),
  devices: Number(values.devices),
  random: seededRandom(Number(values.seed)),
  verifyEvery: Number(values['verify-every']),
  onProgress: (sentence) => console.log(`${Math.round((Date.now() - started) / 1_000)} s: ${sentence}`),
})
console.log(result)
const good = result.faults.length === 0 && result.included === Number(values.devices)
console.log(good ? 'Nothing was lost, and nothing was sealed twice.' : 'FAILED')
process.exit(good ? 0 : 1)
