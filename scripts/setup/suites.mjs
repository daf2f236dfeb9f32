import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { REPORTS } from './paths.mjs'
import { projectEnv, run, say, toolPath } from './process.mjs'
import { BROKEN, countPlaywright, countVitest, failuresOfPlaywright, failuresOfVitest } from './test-report.mjs'

/** @typedef {import('./test-report.mjs').Count & { failures?: string[] }} Outcome */

const MINUTE_MS = 60_000
/** What hangs is ended. On a free machine both take about half of it. */
const UNIT_LIMIT_MS = 25 * MINUTE_MS
const E2E_LIMIT_MS = 30 * MINUTE_MS

/**
 * Runs vitest.
 * @param {string} node path of the Node binary
 * @param {readonly string[]} args further arguments, such as a filter
 * @returns {Promise<Outcome>}
 */
export async function runUnit(node, args) {
  const report = path.join(REPORTS, 'vitest.json')
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { code, timedOut } = await run(node, [toolPath('vitest'), 'run', ...reporters, ...args], {
    timeoutMs: UNIT_LIMIT_MS,
  })
  if (timedOut) say(`The unit tests were stopped after ${UNIT_LIMIT_MS / MINUTE_MS} minutes.`)
  return readOutcome('vitest', report, countVitest, failuresOfVitest, code)
}

/**
 * Runs Playwright.
 * @param {string} node path of the Node binary
 * @param {string} chromium path of the browser
 * @param {readonly string[]} args further arguments, such as a filter
 * @returns {Promise<Outcome>}
 */
export async function runE2e(node, chromium, args) {
  const report = path.join(REPORTS, 'playwright.json')
  rmSync(report, { force: true })
  const playwright = toolPath('@playwright/test', 'playwright')
  const { code, timedOut } = await run(node, [playwright, 'test', '--config', 'test/e2e', ...args], {
    env: { ...projectEnv(), LARES_CHROMIUM: chromium, LARES_REPORTS: REPORTS },
    timeoutMs: E2E_LIMIT_MS,
  })
  if (timedOut) say(`The browser tests were stopped after ${E2E_LIMIT_MS / MINUTE_MS} minutes.`)
  return readOutcome('Playwright', report, countPlaywright, failuresOfPlaywright, code)
}

/**
 * Reads a report. No report, no test in it, or a bad end that it does not explain is a failure of its own.
 * @template Report
 * @param {string} tool
 * @param {string} file
 * @param {(report: Report) => import('./test-report.mjs').Count} count
 * @param {(report: Report) => string[]} failures
 * @param {number} code the tool's exit code
 * @returns {Outcome}
 */
function readOutcome(tool, file, count, failures, code) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    const result = count(report)
    if (result.failed > 0) return { ...result, failures: failures(report) }
    if (result.passed === 0) say(`${tool} ran no test.`)
    else if (code !== 0) say(`${tool} ended with code ${code} although no test failed.`)
    else return result
    return { ...result, failed: 1 }
  } catch {
    say(`${tool} ended with code ${code} and left no report.`)
    return BROKEN
  }
}
