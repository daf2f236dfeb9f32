// npm run lares -- <command>: the command line of the relay.
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  const args = process.argv.slice(2)
  // A service is started without this script, so the page is built before.
  if (args[0] === 'start' || args.slice(0, 2).join(' ') === 'service install') await ensurePage(node, 'web')
  return handOver(node, [inRepo('node-relay', 'main.ts'), ...args])
})
