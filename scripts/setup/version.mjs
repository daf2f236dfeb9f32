/**
 * What the project needs of Node: libp2p 3 wants 22, and running `.ts` files directly without a flag came
 * with 22.18 and, on the next line, 23.6.
 */

/** @typedef {readonly [major: number, minor: number, patch: number]} Version */

/** Reads `v24.21.0` or `24.21.0-rc.1`; undefined for anything else.
 * @param {string} text
 * @returns {Version | undefined} */
export function parseVersion(text) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text.trim())
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined
}

/** Negative, zero or positive, as for Array.sort.
 * @param {Version} left
 * @param {Version} right */
export function compareVersions(left, right) {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2]
}

/** Whether this Node can run Lares.
 * @param {string} text a `node --version` */
export function nodeIsEnough(text) {
  const version = parseVersion(text)
  if (version === undefined) return false
  return version[0] === 23 ? compareVersions(version, [23, 6, 0]) >= 0 : compareVersions(version, [22, 18, 0]) >= 0
}
