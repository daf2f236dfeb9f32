import { fileURLToPath } from 'node:url'
import { defineConfig } from '@playwright/test'

const cache = fileURLToPath(new URL('../../.cache/', import.meta.url))
const reports = process.env['LARES_REPORTS'] ?? `${cache}reports`
/** Found by the set-up; without it Playwright takes its own. */
const executablePath = process.env['LARES_CHROMIUM']

/** Keeps the browser from calling home; QUIC is off because some sandboxes hang on it. */
const QUIET_ARGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const MINUTE_MS = 60_000

export default defineConfig({
  testDir: '.',
  testMatch: '**/*.spec.ts',
  outputDir: `${cache}playwright`,
  // Each test starts relays and browsers of its own, and two cores are all there may be.
  workers: 1,
  retries: 0,
  forbidOnly: process.env['CI'] !== undefined,
  timeout: 2 * MINUTE_MS,
  globalTimeout: 29 * MINUTE_MS,
  reporter: [['list'], ['json', { outputFile: `${reports}/playwright.json` }]],
  use: {
    trace: 'retain-on-failure',
    launchOptions: {
      args: QUIET_ARGS,
      ...(executablePath === undefined ? {} : { executablePath }),
    },
  },
  projects: [{ name: 'chromium', use: { browserName: 'chromium' } }],
})
