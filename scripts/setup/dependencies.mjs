import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { inRepo } from './paths.mjs'
import { runNpm, SetupError, say } from './process.mjs'

/**
 * What is already set up, kept inside node_modules so that it vanishes together with it.
 * @typedef {{ lock: string, platform: string, native?: string }} Stamp
 *   lock: SHA-256 of package-lock.json; platform: `linux-x64`; native: the Node whose native parts were seen to load
 */

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage */
/** @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile */

const PLATFORM = `${process.platform}-${process.arch}`
const stampPath = () => inRepo('node_modules', '.lares-setup.json')

/** @param {string | Uint8Array} content */
export function hashOf(content) {
  return createHash('sha256').update(content).digest('hex')
}

/** @param {string} text
 * @returns {Stamp | undefined} undefined for anything that is no stamp */
export function parseStamp(text) {
  try {
    const value = JSON.parse(text)
    return typeof value?.lock === 'string' && typeof value.platform === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** @returns {Stamp | undefined} */
export function readStamp() {
  return existsSync(stampPath()) ? parseStamp(readFileSync(stampPath(), 'utf8')) : undefined
}

/** @param {Stamp} stamp */
export function writeStamp(stamp) {
  writeFileSync(stampPath(), `${JSON.stringify(stamp)}\n`)
}

/**
 * Whether npm's own record of node_modules holds every package of the lockfile. Optional packages may be absent
 * (they are for other systems), packages beyond the lockfile do no harm.
 * @param {Lockfile} locked package-lock.json
 * @param {Lockfile} installed node_modules/.package-lock.json
 */
export function installedMatchesLock(locked, installed) {
  const present = installed.packages ?? {}
  return Object.entries(locked.packages ?? {}).every(([where, wanted]) => {
    if (where === '') return true
    const found = present[where]
    if (found === undefined) return wanted.optional === true
    return found.version === wanted.version && found.integrity === wanted.integrity
  })
}

/** Installs what the lockfile says, unless it is there already.
 * @returns {Promise<Stamp>} */
export async function ensureDependencies() {
  const lockText = readFileSync(inRepo('package-lock.json'), 'utf8')
  const lock = hashOf(lockText)
  const stamp = readStamp()
  if (stamp?.lock === lock && stamp.platform === PLATFORM) return stamp

  const record = inRepo('node_modules', '.package-lock.json')
  const foreign = stamp !== undefined && stamp.platform !== PLATFORM
  const complete =
    !foreign &&
    existsSync(record) &&
    installedMatchesLock(JSON.parse(lockText), JSON.parse(readFileSync(record, 'utf8')))
  if (!complete) await install()
  const fresh = { lock, platform: PLATFORM }
  writeStamp(fresh)
  return fresh
}

/** Installs from the lockfile, from nothing; `repair` also overrides a setting that keeps install scripts off.
 * @param {{ repair?: boolean }} [options] */
export async function install({ repair = false } = {}) {
  say(repair ? 'Installing the dependencies once more …' : 'Installing the dependencies …')
  const kinds = ['--include=dev', '--include=optional', ...(repair ? ['--ignore-scripts=false'] : [])]
  // `npm ci` deletes node_modules first, which Windows refuses while the Node in there is running us.
  const inUse = process.platform === 'win32' && process.execPath.startsWith(inRepo('node_modules'))
  const { code } = await runNpm(inUse ? ['install', '--no-save', ...kinds] : ['ci', ...kinds])
  if (code !== 0)
    throw new SetupError(
      `The dependencies could not be installed (npm ended with code ${code}). Check the network connection, then run the same command again.`,
    )
}
