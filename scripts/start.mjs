// npm start [-- flags]: sets up what is missing, builds the page, and runs the relay.
import { readFileSync } from 'node:fs'
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  const flags = process.argv.slice(2)
  // A coordination node alone has no page, and runs where memory is scarce.
  const isBoard = /(?:^| )--roles[ =]coordination(?: |$)/.test(flags.join(' '))
  if (!isBoard) await ensurePage(node, 'web')
  // V8 would let young objects take 70 MB of a home PC's memory before it looks which are still in use.
  const memoryFlags = JSON.parse(readFileSync(inRepo('node-relay', 'memory-flags.json'), 'utf8'))
  const { relay, coordination } = memoryFlags
  return handOver(node, [...(isBoard ? coordination : relay), inRepo('node-relay', 'main.ts'), 'start', ...flags])
})
