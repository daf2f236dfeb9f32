import { describe, expect, it } from 'vitest'
import { createIncidents, MAX_INCIDENTS } from '../../../web/client/incidents.ts'
import type { StoredIncident } from '../../../web/store/local-store.ts'

function createList() {
  let stored: readonly StoredIncident[] = []
  let now = 0
  const incidents = createIncidents({
    networkId: 'n',
    store: {
      readIncidents: async () => [...stored],
      writeIncidents: async (_id, list) => {
        stored = list
      },
    },
    now: () => (now += 1_000),
    onChange: () => {},
  })
  const add = (code: string, severity: StoredIncident['severity']) => incidents.add({ code, severity, sentence: code })
  return { incidents, add }
}

describe('the list of incidents', () => {
  it('keeps an alarm through any number of notes', () => {
    const { incidents, add } = createList()
    add('lied', 'alarm')
    for (let i = 0; i < 3 * MAX_INCIDENTS; i++) add(`gone ${i}`, i % 2 === 0 ? 'note' : 'warning')
    const codes = incidents.view().map(({ code }) => code)
    expect(codes).toHaveLength(MAX_INCIDENTS)
    expect(codes[0]).toBe(`gone ${3 * MAX_INCIDENTS - 1}`)
    expect(codes.at(-1)).toBe('lied')
  })

  it('of alarms alone keeps the newest', () => {
    const { incidents, add } = createList()
    for (let i = 0; i <= MAX_INCIDENTS; i++) add(`lied ${i}`, 'alarm')
    const codes = incidents.view().map(({ code }) => code)
    expect(codes).toHaveLength(MAX_INCIDENTS)
    expect(codes).not.toContain('lied 0')
  })
})
