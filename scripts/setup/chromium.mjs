import { existsSync } from 'node:fs'
import path from 'node:path'
import { run, SetupError, say, toolPath } from './process.mjs'

const MINUTE_MS = 60_000

/**
 * Where browsers of the Chromium family are found, per system.
 * @param {NodeJS.Platform} platform
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]}
 */
export function installedChromiumPaths(platform, env) {
  if (platform === 'darwin')
    return ['Chromium', 'Google Chrome'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`)
  if (platform === 'win32')
    return ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((name) => {
      const base = env[name]
      return base === undefined ? [] : [path.win32.join(base, 'Google', 'Chrome', 'Application', 'chrome.exe')]
    })
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map((name) => `/usr/bin/${name}`)
}

/** Whether the file is a browser that starts: Debian's may be a stub, a download may lack system libraries.
 * @param {string} file */
async function starts(file) {
  if (!existsSync(file)) return false
  // Chrome on Windows has no --version and would open a window.
  if (process.platform === 'win32') return true
  return (await run(file, ['--version'], { output: 'collect', timeoutMs: MINUTE_MS })).code === 0
}

/** Where Playwright keeps, or would keep, its own Chromium.
 * @param {string} node */
async function playwrightChromium(node) {
  const ask = `process.stdout.write((await import('@playwright/test')).chromium.executablePath())`
  return (await run(node, ['--input-type=module', '--eval', ask], { output: 'collect' })).stdout
}

/**
 * A Chromium for the tests: one already there, else Playwright's, else (as root on Debian) the system's package.
 * @param {string} node path of the Node binary
 * @returns {Promise<string>} its path
 */
export async function ensureChromium(node) {
  const chosen = process.env['LARES_CHROMIUM']
  if (chosen !== undefined && chosen !== '') {
    if (await starts(chosen)) return chosen
    throw new SetupError(`LARES_CHROMIUM says ${chosen}, which does not start. Correct it or unset it.`)
  }
  const own = await playwrightChromium(node)
  const system = installedChromiumPaths(process.platform, process.env)
  for (const candidate of [own, ...system]) if (await starts(candidate)) return candidate

  say('Fetching a Chromium for the tests …')
  const env = { ...process.env, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '20000' }
  await run(node, [toolPath('@playwright/test', 'playwright'), 'install', 'chromium'], {
    output: 'stderr',
    timeoutMs: 4 * MINUTE_MS,
    env,
  })
  if (await starts(own)) return own

  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    say("That did not work; installing Debian's package …")
    const debian = {
      output: /** @type {const} */ ('stderr'),
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }
    await run('apt-get', ['update', '-qq'], debian)
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], debian)
    for (const candidate of system) if (await starts(candidate)) return candidate
  }
  throw new SetupError(
    'The browser tests need a Chromium, and none could be fetched. Install Chromium or Chrome, or set LARES_CHROMIUM to its path, and run the same command again.',
  )
}
