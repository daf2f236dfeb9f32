import { stripVTControlCharacters } from 'node:util'

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** Characters of a failure's message that are said again at the end. */
const MESSAGE_SHOWN = 600
/** Failures that are said again at the end; the others stand further up. */
const FAILURES_SHOWN = 20

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
 * @param {{ stats?: { expected: number, unexpected: number, flaky: number, skipped: number }, errors?: { message?: string }[] }} report
 * @returns {Count}
 */
export function countPlaywright(report) {
  const { expected = 0, unexpected = 0, flaky = 0, skipped = 0 } = report.stats ?? {}
  const failed = unexpected + flaky
  const outside = failed === 0 && (report.errors?.length ?? 0) > 0 ? 1 : 0
  return { passed: expected, failed: failed + outside, skipped }
}

/**
 * What failed, for the end of a long run: an entry a test or file, its name first, then what it said.
 * @param {{ testResults?: { name?: string, status: string, message?: string,
 *   assertionResults: { status: string, fullName?: string, failureMessages?: string[] }[] }[] }} report
 * @returns {string[]}
 */
export function failuresOfVitest(report) {
  return (report.testResults ?? []).flatMap((file) => {
    const failed = file.assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return file.status === 'failed' ? [entry(file.name, '', file.message)] : []
    return failed.map((test) => entry(file.name, test.fullName, test.failureMessages?.join('\n')))
  })
}

/**
 * The same of Playwright's report, whose suites lie in one another.
 * @typedef {{ message?: string }} PlaywrightError
 * @typedef {{ title?: string, ok?: boolean, file?: string,
 *   tests?: { results?: { errors?: PlaywrightError[] }[] }[] }} PlaywrightSpec
 * @typedef {{ specs?: PlaywrightSpec[], suites?: PlaywrightSuite[] }} PlaywrightSuite
 * @param {PlaywrightSuite & { errors?: PlaywrightError[] }} report
 * @returns {string[]}
 */
export function failuresOfPlaywright(report) {
  const failed = specs(report).filter((spec) => spec.ok === false)
  const messages = (/** @type {PlaywrightSpec} */ spec) =>
    (spec.tests ?? []).flatMap((test) => test.results ?? []).flatMap((result) => result.errors ?? [])
  return [
    ...failed.map((spec) =>
      entry(
        spec.file,
        spec.title,
        messages(spec)
          .map((error) => error.message)
          .join('\n'),
      ),
    ),
    ...(report.errors ?? []).map((error) => entry('browser tests', '', error.message)),
  ]
}

/** @param {PlaywrightSuite} suite
 * @returns {PlaywrightSpec[]} */
function specs(suite) {
  return [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)]
}

/** @param {string | undefined} file @param {string | undefined} name @param {string | undefined} message */
function entry(file, name, message) {
  const said = stripVTControlCharacters(message ?? '')
    .slice(0, MESSAGE_SHOWN)
    .trim()
  return [[file, name].filter(Boolean).join(' > '), ...said.split('\n')].join('\n    ').trimEnd()
}

/** @param {readonly string[]} failures
 * @returns {string} a paragraph, empty when nothing failed */
export function failureSummary(failures) {
  if (failures.length === 0) return ''
  const left = failures.length - FAILURES_SHOWN
  const shown = failures.slice(0, FAILURES_SHOWN).map((failure) => `  ${failure}`)
  return ['What failed:', ...shown, ...(left > 0 ? [`  and ${left} more`] : [])].join('\n')
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
