/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

export const NOTHING = Object.freeze({ passed: 0, failed: 0, skipped: 0 })
/** What a step counts for that broke before it could report. */
export const BROKEN = Object.freeze({ passed: 0, failed: 1, skipped: 0 })

/**
 * Counts vitest's JSON report.
 * @param {{ testResults?: { status: string, assertionResults: { status: string }[] }[], success?: boolean }} report
 * @returns {Count}
 */
export function countVitest(report) {
  const files = report.testResults ?? []
  const tests = files.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === 'passed').length
  const failedTests = tests.filter((test) => test.status === 'failed').length
  // A file that does not even load has no tests to fail.
  const failedFiles = files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = failedTests + failedFiles
  // An error outside every test, such as an unhandled rejection, shows only in `success`.
  const outside = report.success === false && failed === 0 ? 1 : 0
  return { passed, failed: failed + outside, skipped: tests.length - passed - failedTests }
}

/**
 * Counts Playwright's JSON report. A test that passed only when repeated counts as failed.
 * @param {{ stats?: { expected: number, unexpected: number, flaky: number, skipped: number }, errors?: unknown[] }} report
 * @returns {Count}
 */
export function countPlaywright(report) {
  const { expected = 0, unexpected = 0, flaky = 0, skipped = 0 } = report.stats ?? {}
  const failed = unexpected + flaky
  const outside = failed === 0 && (report.errors?.length ?? 0) > 0 ? 1 : 0
  return { passed: expected, failed: failed + outside, skipped }
}

/** @param {readonly Count[]} counts
 * @returns {Count} */
export function sumCounts(counts) {
  return counts.reduce(
    (sum, count) => ({
      passed: sum.passed + count.passed,
      failed: sum.failed + count.failed,
      skipped: sum.skipped + count.skipped,
    }),
    NOTHING,
  )
}

/** `12 passed, 0 failed`, with `, 3 skipped` when there were any.
 * @param {Count} count */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
