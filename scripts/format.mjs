// npm run format: puts every file into the house format and applies the safe fixes of the linter.
import { run, runMain, toolPath } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'

await runMain(async () => (await run(await setUp(), [toolPath('@biomejs/biome', 'biome'), 'check', '--write'])).code)
