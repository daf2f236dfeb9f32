import { describe, expect, it } from 'vitest'
import { createHistoryProver } from '../../../shared/history/prover.ts'
import { buildHistory } from './build.ts'
import { headers } from './reference.ts'

describe('history prover', () => {
  const { prover } = buildHistory(headers(9))

  it('has no proof for a header that is not there', () => {
    for (const index of [-1, 9, 0.5, Number.NaN])
      expect(() => prover(9).prove(index)).toThrow(expect.objectContaining({ code: 'history-index-invalid' }))
    expect(() => prover(0).prove(0)).toThrow(expect.objectContaining({ code: 'history-index-invalid' }))
    expect(prover(9).prove(8).siblings).toHaveLength(1)
  })

  it('says when the store lost a node', () => {
    const lossy = createHistoryProver({ getNode: () => undefined, count: 9 })
    expect(() => lossy.prove(0)).toThrow(expect.objectContaining({ code: 'history-node-missing' }))
  })
})
