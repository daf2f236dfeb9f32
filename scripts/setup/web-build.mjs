import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inRepo } from './paths.mjs'
import { run, SetupError, say, toolPath } from './process.mjs'

/** Everything the built page depends on. */
const SOURCES = ['web', 'shared', 'vite.config.ts', 'tsconfig.json', 'package.json', 'package-lock.json']

/** The same page twice: for the relay to serve, and for any HTTPS host.
 * @typedef {'web' | 'static'} Page */

/** Files below a path, sorted, so that the hash does not depend on the file system's order.
 * @param {string} where
 * @returns {string[]} */
function filesBelow(where) {
  if (!existsSync(where)) return []
  if (!statSync(where).isDirectory()) return [where]
  return readdirSync(where)
    .sort()
    .flatMap((name) => filesBelow(path.join(where, name)))
}

/** One hash over names and contents.
 * @param {readonly string[]} roots files or folders
 * @param {string} base names are taken relative to it */
export function hashOfFiles(roots, base) {
  const hash = createHash('sha256')
  for (const file of roots.flatMap(filesBelow)) {
    const content = readFileSync(file)
    hash.update(`${path.relative(base, file).replaceAll('\\', '/')}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/**
 * Builds the page into dist/<page>, unless it was built from these very sources.
 * @param {string} node path of the Node binary
 * @param {Page} page
 * @param {{ force?: boolean }} [options]
 */
export async function ensurePage(node, page, { force = false } = {}) {
  const sources = SOURCES.map((source) => inRepo(source))
  const hash = hashOfFiles(sources, inRepo())
  // Beside the folder, not in it: what is in it is served.
  const stamp = inRepo('dist', `.${page}.sources`)
  const built = existsSync(inRepo('dist', page, 'index.html'))
  if (!force && built && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return

  say(page === 'web' ? 'Building the page …' : 'Building the page for a static host …')
  rmSync(stamp, { force: true })
  const mode = page === 'static' ? ['--mode', 'static'] : []
  const { code } = await run(node, [toolPath('vite'), 'build', ...mode, '--logLevel', 'warn'], { output: 'stderr' })
  if (code !== 0) throw new SetupError(`The page could not be built (vite ended with code ${code}); see above.`)
  mkdirSync(inRepo('dist'), { recursive: true })
  writeFileSync(stamp, hash)
}
