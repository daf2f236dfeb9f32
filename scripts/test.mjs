// npm test: set-up, static checks, unit tests, build, browser tests. The last line says how it went.
import { ensureChromium } from './setup/chromium.mjs'
import { runMain, SetupError, say } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { runChecks } from './setup/static-checks.mjs'
import { runE2e, runUnit } from './setup/suites.mjs'
import { BROKEN, closingLine, failureSummary, sumCounts } from './setup/test-report.mjs'
import { ensurePage } from './setup/web-build.mjs'

/** @typedef {import('./setup/suites.mjs').Outcome} Outcome */

/** @param {string} title */
function heading(title) {
  process.stdout.write(`\n== ${title}\n`)
}

/** Runs a step; one that cannot even begin says why and counts as one failure.
 * @param {() => Promise<Outcome>} step
 * @returns {Promise<Outcome>} */
async function attempt(step) {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    return BROKEN
  }
}

/** @returns {Promise<Outcome>} */
async function runAll() {
  heading('set-up')
  const node = await setUp()

  heading('checks')
  const failedChecks = await runChecks(node)

  heading('unit tests')
  const unit = await runUnit(node, [])

  heading('browser tests')
  const e2e = await attempt(async () => {
    const chromium = await ensureChromium(node)
    await ensurePage(node, 'web')
    await ensurePage(node, 'static')
    return runE2e(node, chromium, [])
  })

  if (failedChecks.length > 0) process.stdout.write(`\nChecks that failed: ${failedChecks.join(', ')}\n`)
  // After half an hour of output, and where only its end is kept, nobody finds the one that failed.
  const failures = failureSummary([unit, e2e].flatMap((outcome) => outcome.failures ?? []))
  if (failures !== '') process.stdout.write(`\n${failures}\n`)
  // A failed check is as bad as a failed test, and the last line must not look green.
  return sumCounts([unit, e2e, { passed: 0, failed: failedChecks.length, skipped: 0 }])
}

await runMain(async () => {
  const count = await attempt(runAll)
  process.stdout.write(`\n${closingLine(count)}\n`)
  return count.failed === 0 && count.passed > 0 ? 0 : 1
})
