import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

test('the size counts bytes, not characters', () => {
  const path = join(root, 'a.log')
  const file = createRollingFile(path, { maxBytes: 25, rolled: 1 })
  for (let line = 0; line < 2; line++) file.write('äöüäöü\n')
  file.close()
  expect(statSync(path).size).toBe(13)
  expect(statSync(`${path}.1`).size).toBe(13)
})

test('a roll-over that fails never writes into the file that took over its number', () => {
  const directory = join(root, 'logs')
  mkdirSync(directory)
  const path = join(directory, 'a.log')
  const file = createRollingFile(path, { maxBytes: 10, rolled: 1 })
  file.write('first 89\n')
  // Gone from under it, as with a share that is unmounted: the new file cannot be made.
  rmSync(path)
  rmdirSync(directory)
  file.write('second 89\n')
  const other = join(root, 'database')
  const taken = openSync(other, 'w')
  file.write('third 89\n')
  closeSync(taken)
  expect(readFileSync(other, 'utf8')).toBe('')
  mkdirSync(directory)
  file.write('fourth 8\n')
  file.close()
  file.write('after the end\n')
  expect(readFileSync(path, 'utf8')).toBe('fourth 8\n')
})

test('the last line before a crash is there', () => {
  const path = join(root, 'a.log')
  const module = fileURLToPath(new URL('../../node-relay/log.ts', import.meta.url))
  const script = `const { createLog } = await import(${JSON.stringify(module)})
    const log = createLog({ level: 'info', destination: { file: ${JSON.stringify(path)} } })
    for (let line = 0; line < 1000; line++) log.info({ line }, 'going on')
    process.kill(process.pid, 'SIGKILL')`
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script])
  expect(signal).toBe('SIGKILL')
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  expect(lines).toHaveLength(1_000)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ line: 999 })
})
