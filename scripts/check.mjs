// npm run check: everything that can be said about the sources without running them.

import { runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { runChecks } from './setup/static-checks.mjs'

await runMain(async () => ((await runChecks(await setUp())).length === 0 ? 0 : 1))
