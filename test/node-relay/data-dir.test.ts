import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeFileAtomic } from '../../node-relay/atomic-file.ts'
import { dataDirHolder, defaultDataDir, inspectDataDir, openDataDir } from '../../node-relay/data-dir.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lares-data-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const modeOf = (path: string) => statSync(path).mode & 0o777

describe('data directory', () => {
  test('is made for its owner alone, marked, and opened again', () => {
    const path = join(root, 'a', 'b')
    expect(inspectDataDir(path)).toEqual({ ok: true, value: 'absent' })
    const first = openDataDir(path)
    if (!first.ok) throw new Error(first.detail)
    expect(modeOf(path)).toBe(0o700)
    expect(modeOf(first.value.file('lares.json'))).toBe(0o600)
    expect(modeOf(first.value.directory('keys'))).toBe(0o700)
    first.value.close()
    expect(inspectDataDir(path)).toEqual({ ok: true, value: 'relay' })
    const second = openDataDir(path)
    expect(second.ok).toBe(true)
    if (second.ok) second.value.close()
  })

  test('one relay at a time', () => {
    const first = openDataDir(root)
    expect(dataDirHolder(root)).toBe(process.pid)
    expect(openDataDir(root)).toMatchObject({
      ok: false,
      code: 'data-dir-in-use',
      detail: expect.stringContaining(`${process.pid}`),
    })
    if (first.ok) first.value.close()
    expect(dataDirHolder(root)).toBeUndefined()
    expect(openDataDir(root).ok).toBe(true)
  })

  test('the lock of a process that is gone is taken over', async () => {
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    await once(child, 'exit')
    writeFileSync(join(root, 'lock'), JSON.stringify({ pid: child.pid }))
    expect(openDataDir(root).ok).toBe(true)
    expect(readdirSync(root).sort()).toEqual(['lares.json', 'lock'])
  })

  test.runIf(process.platform === 'linux')('a pid given out anew is not the old holder', () => {
    writeFileSync(join(root, 'lock'), JSON.stringify({ pid: process.pid, processStart: 'another-boot/1' }))
    expect(openDataDir(root).ok).toBe(true)
  })

  test('a lock cut short by a power failure is taken over', () => {
    writeFileSync(join(root, 'lock'), '{"pi')
    expect(openDataDir(root).ok).toBe(true)
  })

  test('a config file may be there before the first start', () => {
    writeFileSync(join(root, 'config.json'), '{}')
    expect(openDataDir(root).ok).toBe(true)
  })

  test('remains of a killed atomic write are cleared', () => {
    writeFileSync(join(root, 'lares.json.0123456789ab.tmp'), '')
    expect(openDataDir(root).ok).toBe(true)
    expect(readdirSync(root).sort()).toEqual(['lares.json', 'lock'])
  })

  test.each([
    ['other files', 'foreign-data-dir', () => writeFileSync(join(root, 'thesis.doc'), '')],
    ['a damaged marker', 'corrupt-data-dir', () => writeFileSync(join(root, 'lares.json'), '{"kind"')],
    [
      'the marker of something else',
      'corrupt-data-dir',
      () => writeFileSync(join(root, 'lares.json'), '{"kind":"x","format":1}'),
    ],
    [
      'a newer format',
      'newer-data-dir',
      () => writeFileSync(join(root, 'lares.json'), '{"kind":"lares-relay","format":99}'),
    ],
  ])('%s: refused with one sentence, untouched', (_, code, prepare) => {
    prepare()
    const before = readdirSync(root)
    const opened = openDataDir(root)
    expect(opened).toMatchObject({ ok: false, code, detail: expect.stringMatching(/^[^\n]*--data-dir\.$/) })
    expect(readdirSync(root)).toEqual(before)
  })

  test('a file in its place is refused', () => {
    writeFileSync(join(root, 'file'), '')
    expect(openDataDir(join(root, 'file'))).toMatchObject({ ok: false, code: 'foreign-data-dir' })
    expect(openDataDir(join(root, 'file', 'below'))).toMatchObject({ ok: false, code: 'foreign-data-dir' })
  })

  test.runIf(process.platform === 'linux')('a read-only directory is refused with one sentence', () => {
    // Root may write anywhere, so another user tries.
    const asRoot = process.getuid?.() === 0
    const directory = join(root, 'read-only')
    mkdirSync(directory)
    chmodSync(root, 0o755)
    chmodSync(directory, 0o555)
    const script = `
      ${asRoot ? 'process.setgid(65534); process.setuid(65534);' : ''}
      const { openDataDir } = await import(${JSON.stringify(join(import.meta.dirname, '../../node-relay/data-dir.ts'))});
      console.log(JSON.stringify(openDataDir(${JSON.stringify(directory)} + '/data')))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(JSON.parse(output)).toMatchObject({
      ok: false,
      code: 'data-dir-not-writable',
      detail: expect.stringMatching(/^The data folder .* cannot be written .*--data-dir\.$/),
    })
  })

  test('places per system', () => {
    expect(defaultDataDir({ XDG_DATA_HOME: '/x' }, 'linux', '/home/a')).toBe('/x/lares')
    expect(defaultDataDir({ XDG_DATA_HOME: 'x' }, 'linux', '/home/a')).toBe('/home/a/.local/share/lares')
    expect(defaultDataDir({}, 'darwin', '/Users/a')).toBe('/Users/a/Library/Application Support/Lares')
    expect(defaultDataDir({ LOCALAPPDATA: 'C:\\Local' }, 'win32')).toContain('Lares')
  })
})

describe('atomic file', () => {
  test('replaces content and mode, leaves nothing else', () => {
    const path = join(root, 'x')
    writeFileSync(path, 'old', { mode: 0o644 })
    writeFileAtomic(path, Uint8Array.of(1, 2))
    expect(readFileSync(path)).toEqual(Buffer.of(1, 2))
    expect(modeOf(path)).toBe(0o600)
    expect(readdirSync(root)).toEqual(['x'])
  })

  test('keeps the old content when it cannot finish', () => {
    mkdirSync(join(root, 'dir', 'inner'), { recursive: true })
    expect(() => writeFileAtomic(join(root, 'dir'), 'x')).toThrow()
    expect(readdirSync(root)).toEqual(['dir'])
  })
})
