// npm run soak|sim|bench -- <name> [flags]: the longer runs, which npm test leaves out. Each is test/<kind>/<name>.ts.
import { existsSync, readdirSync } from 'node:fs'
import { inRepo } from './setup/paths.mjs'
import { handOver, runMain, SetupError } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'

/** The runs of a kind, by file name.
 * @param {string} kind */
function namesOf(kind) {
  const folder = inRepo('test', kind)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
}

await runMain(async () => {
  const [kind = '', name = '', ...flags] = process.argv.slice(2)
  const names = namesOf(kind)
  if (!names.includes(name)) {
    const list = names.length === 0 ? 'there are none yet' : `there are: ${names.join(', ')}`
    const asked = name === '' ? `Say which ${kind} to run` : `There is no ${kind} named "${name}"`
    throw new SetupError(`${asked}; ${list}. Usage: npm run ${kind} -- <name>`)
  }
  return handOver(await setUp(), [inRepo('test', kind, `${name}.ts`), ...flags])
})
