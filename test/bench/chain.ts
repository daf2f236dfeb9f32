/**
 * npm run bench -- chain [--json] [--write] [--quick] [--only NAME[,NAME]]
 *
 * What a full node does with full blocks and long chains. `--json` prints one JSON document on standard output; progress
 * goes to standard error. `--write` writes docs/BENCHMARKS-CHAIN.md and its plots.
 */

import { share } from './chain/share.ts'
import { size } from './chain/size.ts'
import { sync } from './chain/sync.ts'
import { validate } from './chain/validate.ts'
import { runCommand } from './figures/command.ts'

await runCommand({
  command: 'chain',
  title: 'Benchmarks of the chain',
  file: 'BENCHMARKS-CHAIN.md',
  benches: { validate, sync, size, share },
})
