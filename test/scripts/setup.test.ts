import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { installedChromiumPaths } from '../../scripts/setup/chromium.mjs'
import { installedMatchesLock, parseStamp } from '../../scripts/setup/dependencies.mjs'
import { run } from '../../scripts/setup/process.mjs'
import { carrierPackage } from '../../scripts/setup/project-node.mjs'
import { compareVersions, nodeIsEnough, parseVersion } from '../../scripts/setup/version.mjs'
import { hashOfFiles } from '../../scripts/setup/web-build.mjs'

describe('Node versions', () => {
  it('reads what node --version prints', () => {
    expect(parseVersion('v24.21.0\n')).toEqual([24, 21, 0])
    expect(parseVersion('25.0.0-nightly')).toEqual([25, 0, 0])
    expect(parseVersion('bash: node: command not found')).toBeUndefined()
  })

  it('orders by number, not by text', () => {
    expect(compareVersions([22, 9, 0], [22, 18, 0])).toBeLessThan(0)
    expect(compareVersions([24, 0, 1], [24, 0, 0])).toBeGreaterThan(0)
    expect(compareVersions([24, 0, 0], [24, 0, 0])).toBe(0)
  })

  it.each([
    ['v20.20.2', false],
    ['v22.9.0', false],
    ['v22.17.1', false],
    ['v22.18.0', true],
    ['v23.5.0', false],
    ['v23.6.0', true],
    ['v24.0.0', true],
    ['', false],
  ])('%s is enough: %s', (version, enough) => {
    expect(nodeIsEnough(version)).toBe(enough)
  })

  it('names a package that the manifest really has, for each system that one exists for', () => {
    const systems = [
      ['linux', 'x64'],
      ['linux', 'arm64'],
      ['darwin', 'x64'],
      ['darwin', 'arm64'],
      ['win32', 'x64'],
    ] as const
    const names = systems.map(([platform, arch]) => carrierPackage(platform, arch))
    expect(names.toSorted()).toEqual(Object.keys(manifest.optionalDependencies).toSorted())
    for (const version of Object.values(manifest.optionalDependencies)) expect(nodeIsEnough(version)).toBe(true)
    expect(carrierPackage('freebsd', 'x64')).toBeUndefined()
  })
})

describe('the record of what is installed', () => {
  const locked = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', optional: true },
    },
  }
  const a = { version: '1.0.0', integrity: 'sha512-a' }

  it('matches with an optional package absent and a foreign one present', () => {
    expect(installedMatchesLock(locked, { packages: { 'node_modules/a': a } })).toBe(true)
    const more = { 'node_modules/a': a, 'node_modules/z': { version: '9.0.0' } }
    expect(installedMatchesLock(locked, { packages: more })).toBe(true)
  })

  it('does not match when a package is missing, older, or of other content', () => {
    expect(installedMatchesLock(locked, {})).toBe(false)
    expect(installedMatchesLock(locked, { packages: { 'node_modules/a': { ...a, version: '0.9.0' } } })).toBe(false)
    expect(installedMatchesLock(locked, { packages: { 'node_modules/a': { ...a, integrity: 'sha512-x' } } })).toBe(
      false,
    )
    const oldOptional = { 'node_modules/a': a, 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' } }
    expect(installedMatchesLock(locked, { packages: oldOptional })).toBe(false)
  })

  it('takes a damaged stamp for none', () => {
    expect(parseStamp('{"lock":"00","platform":"linux-x64"}')).toEqual({ lock: '00', platform: 'linux-x64' })
    for (const text of ['', '{', 'null', '[]', '{"lock":1,"platform":"linux-x64"}'])
      expect(parseStamp(text)).toBeUndefined()
  })
})

describe('the hash of the sources', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lares-setup-'))
    mkdirSync(path.join(folder, 'sub'))
    writeFileSync(path.join(folder, 'a.ts'), 'one')
    writeFileSync(path.join(folder, 'sub', 'b.ts'), 'two')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is the same for the same tree, and ignores roots that do not exist', () => {
    expect(hashOfFiles([folder], folder)).toBe(hashOfFiles([folder, path.join(folder, 'none')], folder))
  })

  it('changes with a content, a name, and where one file ends and the next begins', () => {
    const seen = new Set([hashOfFiles([folder], folder)])
    writeFileSync(path.join(folder, 'a.ts'), 'One')
    seen.add(hashOfFiles([folder], folder))
    rmSync(path.join(folder, 'a.ts'))
    writeFileSync(path.join(folder, 'c.ts'), 'One')
    seen.add(hashOfFiles([folder], folder))
    writeFileSync(path.join(folder, 'c.ts'), '')
    seen.add(hashOfFiles([folder], folder))
    expect(seen.size).toBe(4)
  })
})

describe('the search for a Chromium', () => {
  it('looks where each system keeps it', () => {
    expect(installedChromiumPaths('linux', {})).toContain('/usr/bin/chromium')
    expect(installedChromiumPaths('darwin', {})).toContain(
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    )
    expect(installedChromiumPaths('win32', { PROGRAMFILES: 'C:\\Programs' })).toEqual([
      'C:\\Programs\\Google\\Chrome\\Application\\chrome.exe',
    ])
  })
})

describe('running a program', () => {
  it('returns output and exit code', async () => {
    const script = 'console.log("out"); console.error("err"); process.exit(3)'
    const { code, stdout, output } = await run(process.execPath, ['--eval', script], { output: 'collect' })
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'out\n' })
    expect(output).toContain('err')
  })

  it('says 127 for one that does not exist and 124 for one that takes too long', async () => {
    expect((await run('/nowhere/at-all', [], { output: 'collect' })).code).toBe(127)
    const endless = await run(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], {
      output: 'collect',
      timeoutMs: 300,
    })
    expect(endless).toMatchObject({ code: 124, timedOut: true })
  })
})
