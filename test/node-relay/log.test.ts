import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog, createRollingFile } from '../../node-relay/log.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lares-log-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('one JSON object a line, by level, private, without secrets', () => {
  const file = join(root, 'relay.log')
  const log = createLog({ level: 'info', destination: { file } })
  log.debug('not this')
  log.info({ height: 7, ownerWords: ['abandon', 'ability'], wallet: { seed: 'feed', id: 'a1' } }, 'hello')
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'hello',
    height: 7,
    ownerWords: '[secret]',
    wallet: { seed: '[secret]', id: 'a1' },
  })
  expect(lines[0]).not.toMatch(/abandon|feed/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('rolls over and keeps a bounded number of files', () => {
  const file = createRollingFile(join(root, 'a.log'), { maxBytes: 25, rolled: 2 })
  for (let line = 0; line < 10; line++) file.write(`line ${line} 89\n`)
  file.close()
  expect(readdirSync(root).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2'])
  expect(readFileSync(join(root, 'a.log'), 'utf8')).toBe('line 8 89\nline 9 89\n')
  expect(readFileSync(join(root, 'a.log.2'), 'utf8')).toBe('line 4 89\nline 5 89\n')
})

test('goes on with a file that is there', () => {
  const path = join(root, 'a.log')
  for (const line of ['one\n', 'two\n']) {
    const file = createRollingFile(path)
    file.write(line)
    file.close()
  }
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
})
