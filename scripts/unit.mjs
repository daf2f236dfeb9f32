// npm run unit [-- filter]: vitest alone.
import { runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { runUnit } from './setup/suites.mjs'

await runMain(async () => ((await runUnit(await setUp(), process.argv.slice(2))).failed === 0 ? 0 : 1))
