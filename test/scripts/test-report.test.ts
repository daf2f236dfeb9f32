import { describe, expect, it } from 'vitest'
import {
  closingLine,
  countPlaywright,
  countVitest,
  failureSummary,
  failuresOfPlaywright,
  failuresOfVitest,
  sumCounts,
} from '../../scripts/setup/test-report.mjs'

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

describe('what failed', () => {
  it('names the test, its file and what it said, without colours', () => {
    const failed = {
      status: 'failed',
      fullName: 'a tree grows',
      failureMessages: ['\u001b[31mexpected 2\u001b[39m\nat tree'],
    }
    const testResults = [
      {
        name: 'tree.test.ts',
        status: 'failed',
        assertionResults: [failed, { status: 'passed', fullName: 'a tree stands' }],
      },
      { name: 'broken.test.ts', status: 'failed', message: 'no such module', assertionResults: [] },
      { name: 'good.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] },
    ]
    expect(failuresOfVitest({ testResults })).toEqual([
      'tree.test.ts > a tree grows\n    expected 2\n    at tree',
      'broken.test.ts\n    no such module',
    ])
  })

  it('finds them in the nested suites of Playwright, and outside every test', () => {
    const broken = {
      title: 'opens',
      file: 'page.spec.ts',
      ok: false,
      tests: [{ results: [{ errors: [{ message: 'closed' }] }] }],
    }
    const report = {
      suites: [{ specs: [{ title: 'stands', ok: true }], suites: [{ specs: [broken] }] }],
      errors: [{ message: 'ran out of time' }],
    }
    expect(failuresOfPlaywright(report)).toEqual([
      'page.spec.ts > opens\n    closed',
      'browser tests\n    ran out of time',
    ])
  })

  it('says a bounded number of them, and nothing when all is well', () => {
    expect(failureSummary([])).toBe('')
    const said = failureSummary(Array.from({ length: 30 }, (_, index) => `test ${index}`))
    expect(said.split('\n')).toHaveLength(22)
    expect(said).toMatch(/and 10 more$/)
  })
})
