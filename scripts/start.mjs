// npm start [-- flags]: sets up what is missing, builds the page, and runs the relay.
import { readFileSync } from 'node:fs'
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  await ensurePage(node, 'web')
  // V8 would let young objects take 70 MB of a home PC's memory before it looks which are still in use.
  const memoryFlags = JSON.parse(readFileSync(inRepo('node-relay', 'memory-flags.json'), 'utf8'))
  return handOver(node, [...memoryFlags, inRepo('node-relay', 'main.ts'), 'start', ...process.argv.slice(2)])
})
