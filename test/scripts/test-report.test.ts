import { describe, expect, it } from 'vitest'
import { closingLine, countPlaywright, countVitest, sumCounts } from '../../scripts/setup/test-report.mjs'

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((test) => ({ status: test })),
})

describe('counting a vitest report', () => {
  it('counts tests by how they ended', () => {
    const report = {
      success: false,
      testResults: [file('failed', 'passed', 'failed', 'skipped', 'todo'), file('passed', 'passed')],
    }
    expect(countVitest(report)).toEqual({ passed: 2, failed: 1, skipped: 2 })
  })

  it('counts a file that did not load, and an error outside every test', () => {
    expect(countVitest({ success: false, testResults: [file('failed')] })).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(countVitest({ success: false, testResults: [file('failed', 'passed')] }).failed).toBe(1)
    expect(countVitest({ success: false, testResults: [file('passed', 'passed')] })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    })
  })

  it('counts nothing in an empty report', () => {
    expect(countVitest({})).toEqual({ passed: 0, failed: 0, skipped: 0 })
  })
})

describe('counting a Playwright report', () => {
  it('takes a flaky test for a failed one', () => {
    const stats = { expected: 5, unexpected: 1, flaky: 2, skipped: 3 }
    expect(countPlaywright({ stats, errors: [] })).toEqual({ passed: 5, failed: 3, skipped: 3 })
  })

  it('counts an error outside every test', () => {
    const stats = { expected: 5, unexpected: 0, flaky: 0, skipped: 0 }
    expect(countPlaywright({ stats, errors: [{ message: 'global set-up' }] }).failed).toBe(1)
    expect(countPlaywright({ stats, errors: [] }).failed).toBe(0)
  })
})

describe('the closing line', () => {
  it('sums up, and speaks of skipped tests only when there are any', () => {
    const counts = [
      { passed: 3, failed: 0, skipped: 0 },
      { passed: 4, failed: 1, skipped: 2 },
    ]
    expect(closingLine(sumCounts(counts))).toBe('7 passed, 1 failed, 2 skipped')
    expect(closingLine(sumCounts([]))).toBe('0 passed, 0 failed')
  })
})
