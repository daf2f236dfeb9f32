import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { askAtTerminal, type Screen } from '../../../node-relay/cli/ask.ts'

const WORDS = 'abandon ability able about above absent absorb abstract absurd abuse access accident'

function createTerminal() {
  const input = new PassThrough()
  const screen = Object.assign(new PassThrough(), { columns: 40 }) satisfies Screen
  const stopping = new AbortController()
  return {
    stopping,
    ask: askAtTerminal(input, screen, stopping.signal),
    type: (text: string) => input.write(text),
    shown: () => String(screen.read() ?? ''),
  }
}

describe('a question at the terminal', () => {
  it('shows an ordinary answer as it is typed', async () => {
    const { ask, type, shown } = createTerminal()
    const answer = ask('Name: ')
    type('Rose Cottage\n')
    expect(await answer).toBe('Rose Cottage')
    const text = shown()
    expect(text).toContain('Name: ')
    expect(text).toContain('Rose Cottage')
  })

  it('never shows a passphrase', async () => {
    const { ask, type, shown } = createTerminal()
    const answer = ask('Passphrase: ', 'hidden')
    type('hunter2\n')
    expect(await answer).toBe('hunter2')
    expect(shown()).toBe('Passphrase: \n')
  })

  it('wipes recovery words off every line they took', async () => {
    const { ask, type, shown } = createTerminal()
    const answer = ask('Words: ', 'wiped')
    type(`${WORDS}\n`)
    expect(await answer).toBe(WORDS)
    const lines = Math.ceil(`Words: ${WORDS}`.length / 40)
    expect(lines).toBeGreaterThan(1)
    expect(shown().endsWith(`${'\u001B[A\u001B[2K'.repeat(lines)}\r`)).toBe(true)
  })

  it('ends when the command is stopped', async () => {
    const { ask, stopping } = createTerminal()
    const answer = ask('Passphrase: ', 'hidden')
    stopping.abort()
    await expect(answer).rejects.toThrow()
  })
})
