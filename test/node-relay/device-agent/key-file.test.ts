import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyFile, readKeyFile, storeMembership } from '../../../node-relay/device-agent/key-file.ts'

const SEED = new Uint8Array(32).fill(1)
const RECOVERY = new Uint8Array(32).fill(2)
const MEMBER = {
  networkId: new Uint8Array(32).fill(3),
  deviceId: new Uint8Array(32).fill(4),
  relay: 'http://127.0.0.1:1',
}
let directory: string
let path: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lares-key-'))
  path = join(directory, 'sensor.key')
})
afterEach(() => rmSync(directory, { recursive: true }))

const codeOf = (task: () => unknown) => {
  try {
    task()
    return 'good'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('is made once, for its owner alone, and remembers who the device is', () => {
  createKeyFile(path, SEED, RECOVERY)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const file = readKeyFile(path)
  expect(file).toEqual({ path, seed: SEED, recoveryKey: RECOVERY, membership: undefined })
  const before = readFileSync(path, 'utf8')
  expect(codeOf(() => createKeyFile(path, RECOVERY, SEED))).toBe('key-file-exists')
  expect(readFileSync(path, 'utf8')).toBe(before)
  storeMembership(file, MEMBER)
  expect(readKeyFile(path)).toEqual({ ...file, membership: MEMBER })
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('is refused when it is not there, open to others, or damaged', () => {
  expect(codeOf(() => readKeyFile(path))).toBe('no-key-file')
  expect(codeOf(() => createKeyFile(join(directory, 'none', 'x'), SEED, RECOVERY))).toBe('key-file-unwritable')
  createKeyFile(path, SEED, RECOVERY)
  storeMembership(readKeyFile(path), MEMBER)
  const good = JSON.parse(readFileSync(path, 'utf8'))
  for (const bad of [
    '',
    '[]',
    'null',
    '{',
    JSON.stringify({ ...good, version: 2 }),
    JSON.stringify({ ...good, kind: 'other' }),
    JSON.stringify({ ...good, seed: good.seed.slice(2) }),
    JSON.stringify({ ...good, recoveryKey: 7 }),
    JSON.stringify({ ...good, deviceId: 'x' }),
    JSON.stringify({ ...good, relay: undefined }),
  ]) {
    writeFileSync(path, bad)
    expect([bad, codeOf(() => readKeyFile(path))]).toEqual([bad, 'key-file-damaged'])
  }
  writeFileSync(path, JSON.stringify(good))
  expect(codeOf(() => readKeyFile(path))).toBe('good')
  chmodSync(path, 0o640)
  expect(codeOf(() => readKeyFile(path))).toBe('key-file-open-to-others')
})
