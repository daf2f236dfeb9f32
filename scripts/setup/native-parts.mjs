import { run } from './process.mjs'

/** Packages with machine code in them: the relay's database and its WebRTC. They come prebuilt, without scripts. */
const NATIVE_PACKAGES = ['classic-level', 'node-datachannel']

/**
 * Loads each native package in a Node of its own, since one that does not fit may take the process down.
 * @param {string} node path of the Node binary
 * @returns {Promise<{ name: string, reason: string } | undefined>} the first that does not load
 */
export async function findBrokenNativePart(node) {
  for (const name of NATIVE_PACKAGES) {
    const { code, output } = await run(node, ['--input-type=module', '--eval', `await import('${name}')`], {
      output: 'collect',
    })
    const lines = output.split('\n').filter((line) => line.trim() !== '')
    if (code !== 0) return { name, reason: lines.find((line) => /Error/.test(line)) ?? `code ${code}` }
  }
  return undefined
}
