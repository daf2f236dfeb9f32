// npm start [-- flags]: sets up what is missing, builds the page, and runs the relay.
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  await ensurePage(node, 'web')
  return handOver(node, [inRepo('node-relay', 'main.ts'), 'start', ...process.argv.slice(2)])
})
