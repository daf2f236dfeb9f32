// npm run lares -- <command>: the command line of the relay.
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  const args = process.argv.slice(2)
  if (args[0] === 'start') await ensurePage(node, 'web')
  return handOver(node, [inRepo('node-relay', 'main.ts'), ...args])
})
