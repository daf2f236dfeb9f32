/**
 * Three relays mine one chain on machines of their own (network namespaces: Linux and root) while they are killed, started
 * again and split, for several seeds. Nothing settled is lost, nothing handed in is lost, nobody seals twice.
 * Flags: --seeds 10 (how many) or --seed N, --blocks 200
 */
import { parseArgs } from 'node:util'
import { meshObstacle } from '../framework/mesh.ts'
import { runRelays } from '../framework/relays-run.ts'
import { seededRandom } from '../node-relay/mining/seeded-random.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    blocks: { type: 'string', default: '200' },
  },
})
const obstacle = meshObstacle()
if (obstacle !== undefined) {
  console.log(`Not run: ${obstacle}`)
  process.exit(1)
}
const first = Date.now() % 2 ** 31
const seeds =
  values.seed === undefined ? Array.from({ length: Number(values.seeds) }, (_, i) => first + i) : [Number(values.seed)]
let failed = 0
for (const seed of seeds) {
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1_000)
  console.log(`seed ${seed}`)
  try {
    const result = await runRelays({
      blocks: Number(values.blocks),
      random: seededRandom(seed),
      onProgress: (sentence) => console.log(`  ${seconds()} s: ${sentence}`),
    })
    console.log(`  ${seconds()} s: ${JSON.stringify(result)}`)
    if (result.faults.length > 0) failed++
  } catch (error) {
    console.log(`  ${seconds()} s: ${(error as Error).stack}`)
    failed++
  }
}
console.log(failed === 0 ? `${seeds.length} seeds: one chain each time, and nothing was lost.` : `FAILED: ${failed}`)
process.exit(failed === 0 ? 0 : 1)
