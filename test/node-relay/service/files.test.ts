import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defineService, NOT_RUN_HERE, type ServiceDefinition } from '../../../node-relay/service/definition.ts'
import { launchdPlist } from '../../../node-relay/service/launchd-plist.ts'
import { scheduledTask } from '../../../node-relay/service/scheduled-task.ts'
import { originOf } from '../../../node-relay/service/stamp.ts'
import { systemdUnit } from '../../../node-relay/service/systemd-unit.ts'

const definition = defineService({
  node: process.execPath,
  main: '/opt/lares/node-relay/main.ts',
  dataDir: '/home/anna/.local/share/lares',
  isDefaultDataDir: true,
  flags: ['--port=4670'],
})
const odd: ServiceDefinition = {
  ...definition,
  command: [process.execPath, '/a b/main.ts', 'start', '--name=50% "$HOME" \\ <&>'],
  dataDir: '/home/a b/50%',
  writable: ['/home/a b/50%'],
}

const lineOf = (text: string, name: string) => text.split('\n').find((line) => line.startsWith(`${name}=`))

test('the same data folder has the same name, another one another', () => {
  const named = (dataDir: string, isDefaultDataDir = false) =>
    defineService({ node: '/n', main: '/m', dataDir, isDefaultDataDir, flags: [] }).name
  expect(definition.name).toBe('lares')
  expect(named('/srv/a')).toMatch(/^lares-[0-9a-f]{8}$/)
  expect(named('/srv/a/../a')).toBe(named('/srv/a'))
  expect(named('/srv/b')).not.toBe(named('/srv/a'))
})

describe('systemd', () => {
  test('absolute Node, data folder, restart, bounds and hardening', () => {
    const unit = systemdUnit(definition)
    expect(lineOf(unit, 'ExecStart')).toBe(
      `ExecStart=${process.execPath} --max-semi-space-size=8 --max-old-space-size=640 /opt/lares/node-relay/main.ts start --data-dir /home/anna/.local/share/lares --quiet --port=4670`,
    )
    for (const line of [
      'Restart=on-failure',
      'MemoryMax=1536M',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'ReadWritePaths=/home/anna/.local/share/lares',
      'WantedBy=default.target',
    ])
      expect(unit.split('\n')).toContain(line)
    // Each of these would move files, which systemd insists on where it has no user namespaces: the relay would not start.
    expect(unit).not.toMatch(/PrivateTmp|BindPaths|TemporaryFileSystem|RootDirectory|DynamicUser/)
    expect(unit).not.toContain('MemoryDenyWriteExecute')
  })

  test('a coordination node alone is given what a small board has', () => {
    const board = defineService({
      ...{ node: '/n', main: '/m', dataDir: '/srv/a', isDefaultDataDir: false },
      flags: ['--roles=coordination'],
    })
    const unit = systemdUnit(board)
    expect(lineOf(unit, 'ExecStart')).toContain(
      '/n --max-semi-space-size=1 --optimize-for-size --max-old-space-size=96 /m',
    )
    expect([lineOf(unit, 'MemoryHigh'), lineOf(unit, 'MemoryMax')]).toEqual(['MemoryHigh=192M', 'MemoryMax=256M'])
  })

  test('blanks, quotes, percent and dollar signs are data', () => {
    const unit = systemdUnit(odd)
    expect(lineOf(unit, 'ExecStart')).toBe(
      `ExecStart=${process.execPath} "/a b/main.ts" start "--name=50%% \\"$$HOME\\" \\\\ <&>"`,
    )
    expect(lineOf(unit, 'WorkingDirectory')).toBe('WorkingDirectory=/home/a b/50%%')
    expect(lineOf(unit, 'ReadWritePaths')).toBe('ReadWritePaths="/home/a b/50%%"')
  })

  const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0
  test.skipIf(!hasAnalyze)('systemd-analyze verify has nothing to say', () => {
    const directory = mkdtempSync(join(tmpdir(), 'lares-unit-'))
    for (const [name, one] of [
      ['lares-plain.service', definition],
      ['lares-odd.service', odd],
    ] as const) {
      const file = join(directory, name)
      writeFileSync(file, systemdUnit(one))
      // It wants a place of the user's manager, also where none runs.
      const env = { ...process.env, XDG_RUNTIME_DIR: directory }
      const verify = () =>
        spawnSync('systemd-analyze', ['verify', '--user', '--man=no', file], { encoding: 'utf8', env })
      const { stdout, stderr } = verify()
      const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(name))
      expect(said).toEqual([])
      // It would say something.
      writeFileSync(file, systemdUnit(one).replace('Restart=', 'Restrat='))
      expect(verify().stderr).toContain('Restrat')
    }
    rmSync(directory, { recursive: true })
  })
})

describe.each([
  ['launchd', launchdPlist],
  ['task scheduler', scheduledTask],
])('%s', (_name, build) => {
  test('marked as not run here; what is no XML is escaped', () => {
    expect(build(definition)).toContain(NOT_RUN_HERE)
    expect(build(odd)).toContain('$HOME')
    expect(build(odd)).toContain('&lt;&amp;&gt;')
  })

  const hasPython = spawnSync('python3', ['--version']).status === 0
  test.skipIf(!hasPython)('well-formed XML', () => {
    for (const one of [definition, odd]) {
      // A parser that knows nothing of either format.
      const script = 'import sys, xml.dom.minidom as d; d.parseString(sys.stdin.buffer.read())'
      const utf8 = build(one).replace('encoding="UTF-16"', 'encoding="UTF-8"')
      expect(() => execFileSync('python3', ['-c', script], { input: utf8 })).not.toThrow()
    }
  })
})

test('an argument for Windows: quotes and the backslashes before them', () => {
  const task = scheduledTask({ ...definition, command: ['n', 'C:\\a b\\', 'say "x"', 'C:\\plain'] })
  expect(task).toContain('<Arguments>&quot;C:\\a b\\\\&quot; &quot;say \\&quot;x\\&quot;&quot; C:\\plain</Arguments>')
})

test('a file tells whether it was changed', () => {
  for (const text of [systemdUnit(odd), launchdPlist(odd), scheduledTask(odd)]) {
    expect(originOf(text)).toBe('ours')
    expect(originOf(`${text} `)).toBe('changed')
    expect(originOf(text.replace('start', 'stop'))).toBe('changed')
    expect(originOf(text.replace('Written by', 'By'))).toBe('foreign')
  }
})
