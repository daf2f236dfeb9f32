import { run, toolPath } from './process.mjs'

const SIDES = ['shared', 'web', 'node-relay', 'test']

/** Checks that run side by side: tsc keeps one core busy, and a home PC has at least two. */
const AT_ONCE = 2

/** @typedef {{ name: string, tool: string, args: readonly string[] }} Check */

/** @returns {Check[]} */
function checks() {
  return [
    ...SIDES.map((side) => ({ name: `types of ${side}`, tool: toolPath('typescript', 'tsc'), args: ['-p', side] })),
    {
      name: 'format and lint',
      tool: toolPath('@biomejs/biome', 'biome'),
      args: ['check', '--error-on-warnings', '--max-diagnostics=50'],
    },
    {
      name: 'dependency rules',
      tool: toolPath('dependency-cruiser', 'depcruise'),
      args: ['--config', '.dependency-cruiser.mjs', '--output-type', 'err', ...SIDES],
    },
    { name: 'dead code', tool: toolPath('knip'), args: ['--no-progress', '--no-config-hints'] },
  ]
}

/**
 * Runs every check, even after one has failed, and prints the findings of each under its name.
 * @param {string} node path of the Node binary
 * @returns {Promise<string[]>} names of the checks that failed
 */
export async function runChecks(node) {
  const waiting = checks()
  /** @type {string[]} */
  const failed = []
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const began = Date.now()
      const { code, output } = await run(node, [check.tool, ...check.args], { output: 'collect' })
      const seconds = ((Date.now() - began) / 1000).toFixed(1)
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`)
      if (code === 0) continue
      failed.push(check.name)
      process.stdout.write(`${output.trimEnd()}\n\n`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return failed
}
