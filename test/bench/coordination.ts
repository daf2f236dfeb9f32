/**
 * npm run bench -- coordination [--json] [--write] [--quick]
 *
 * What a coordination node without blocks takes up, beside a full node in the same run. `--json` prints one JSON document on
 * standard output; progress goes to standard error. `--write` writes docs/BENCHMARKS-COORDINATION.md. Needs Linux and root:
 * bytes are counted at network namespaces.
 */
import { board } from './coordination/board.ts'
import { runCommand } from './figures/command.ts'

await runCommand({
  command: 'coordination',
  title: 'Benchmarks of a coordination node alone',
  file: 'BENCHMARKS-COORDINATION.md',
  benches: { board },
})
