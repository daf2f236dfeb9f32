import { ensureDependencies, install, writeStamp } from './dependencies.mjs'
import { findBrokenNativePart } from './native-parts.mjs'
import { SetupError } from './process.mjs'
import { findProjectNode, noNodeError } from './project-node.mjs'

/**
 * Makes the project ready to run: dependencies as locked, a Node that is new enough, native parts that load. What is
 * done already is skipped. Runs on a Node 20 with nothing installed, so this folder imports only Node's own modules.
 * @returns {Promise<string>} path of the Node binary to run everything on
 */
export async function setUp() {
  let stamp = await ensureDependencies()
  let repaired = false
  const repair = async () => {
    await install({ repair: true })
    stamp = await ensureDependencies()
    repaired = true
  }

  let node = await findProjectNode()
  if (node === undefined) {
    // The packages that carry Node are optional ones, which an earlier `npm ci --omit=optional` leaves out.
    await repair()
    node = await findProjectNode()
  }
  if (node === undefined) throw noNodeError()
  if (stamp.native === node.version) return node.path

  let broken = await findBrokenNativePart(node.path)
  if (broken !== undefined && !repaired) {
    await repair()
    broken = await findBrokenNativePart(node.path)
  }
  if (broken !== undefined)
    throw new SetupError(
      `${broken.name} does not load on this system (${broken.reason}). With a C++ compiler at hand, run: npm rebuild ${broken.name} --ignore-scripts=false`,
    )
  writeStamp({ ...stamp, native: node.version })
  return node.path
}
