/**
 * npm run bench -- core [--json] [--write] [--quick] [--only NAME[,NAME]]
 *
 * The figures of docs/BENCHMARKS.md, each with a limit or a rival measured in the same run. `--json` prints one JSON
 * document on standard output; progress goes to standard error. `--write` writes docs/BENCHMARKS.md from it.
 */
import { runCommand } from './figures/command.ts'
import { BENCHES } from './figures/run.ts'

await runCommand({ command: 'core', title: 'Benchmarks', file: 'BENCHMARKS.md', benches: BENCHES })
