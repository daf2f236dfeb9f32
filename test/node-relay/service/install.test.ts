import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDataDir } from '../../../node-relay/data-dir.ts'
import { defineService, type ServiceDefinition, type ServiceKind } from '../../../node-relay/service/definition.ts'
import { installService, type ServiceContext, uninstallService } from '../../../node-relay/service/install.ts'
import { serviceFileOf } from '../../../node-relay/service/service-file.ts'

let home: string
let definition: ServiceDefinition
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lares-service-'))
  definition = defineService({
    node: process.execPath,
    main: '/opt/lares/main.ts',
    dataDir: join(home, 'data'),
    isDefaultDataDir: true,
    flags: [],
  })
})
afterEach(() => rmSync(home, { recursive: true }))

/** A systemd that does as it is told and remembers it; `running: false` is a container. */
function system({ running = true, kind = 'systemd' as ServiceKind, force = false } = {}) {
  const calls: string[] = []
  const said: string[] = []
  const active = new Set<string>()
  const context: ServiceContext = {
    kind,
    env: { XDG_CONFIG_HOME: join(home, 'config') },
    user: 'anna',
    force,
    say: (sentence) => said.push(sentence),
    async run(program, args) {
      if (program === 'loginctl') return { ok: true, output: 'Linger=no' }
      if (!running) return { ok: false, output: 'Failed to connect to bus' }
      const [verb = '', ...rest] = args.slice(1)
      const unit = rest.at(-1) ?? ''
      if (verb === 'show-environment') return { ok: true, output: '' }
      if (verb === 'is-active') return { ok: active.has(unit), output: '' }
      calls.push([verb, ...rest].join(' '))
      if (verb === 'start') active.add(unit)
      if (verb === 'disable') active.delete(unit)
      return { ok: true, output: '' }
    },
  }
  return { context, calls, said: () => said.join('\n'), reset: () => [calls, said].map((list) => list.splice(0)) }
}

const unitPath = () => join(home, 'config', 'systemd', 'user', 'lares.service')

test('installed, switched on, started; installed again: nothing changes', async () => {
  const { context, calls, said, reset } = system()
  await installService(definition, context)
  expect(calls).toEqual(['daemon-reload', 'enable lares.service', 'start lares.service'])
  expect(said()).toContain('loginctl enable-linger anna')
  const text = readFileSync(unitPath(), 'utf8')
  reset()
  await installService(definition, context)
  expect(readFileSync(unitPath(), 'utf8')).toBe(text)
  expect(said()).toMatch(/is there already, and as it should be\.[\s\S]*It runs\./)
  expect(calls).not.toContain('start lares.service')
})

test('new settings are written over the old, and the running one is left to its owner', async () => {
  const { context, calls, said, reset } = system()
  await installService(definition, context)
  reset()
  await installService({ ...definition, command: [...definition.command, '--port=5000'] }, context)
  expect(readFileSync(unitPath(), 'utf8')).toContain('--port=5000')
  expect(said()).toContain('systemctl --user restart lares.service')
  expect(calls).toEqual(['daemon-reload', 'enable lares.service'])
})

test('while a relay works with the folder the service is not started', async () => {
  const { context, calls, said } = system()
  const held = openDataDir(definition.dataDir)
  await installService(definition, context)
  expect(said()).toContain(`process ${process.pid}`)
  expect(calls).not.toContain('start lares.service')
  if (held.ok) held.value.close()
})

test('without systemd: the file is where it belongs, and one sentence says what is missing', async () => {
  const { context, calls, said } = system({ running: false })
  await installService(definition, context)
  expect(existsSync(unitPath())).toBe(true)
  expect(said()).toContain('systemd does not run for you here')
  expect(calls).toEqual([])
  const wants = join(dirname(unitPath()), 'default.target.wants')
  mkdirSync(wants)
  symlinkSync(unitPath(), join(wants, 'lares.service'))
  expect(await uninstallService(definition, context)).toBe(true)
  expect(existsSync(unitPath())).toBe(false)
  expect(existsSync(join(wants, 'lares.service'))).toBe(false)
})

test('uninstall stops it, says so, and removes that file alone', async () => {
  const { context, calls, said, reset } = system()
  await installService(definition, context)
  const neighbour = join(dirname(unitPath()), 'other.service')
  writeFileSync(neighbour, '[Unit]\n')
  const own = join(dirname(unitPath()), 'lares.service.d')
  mkdirSync(own)
  reset()
  expect(await uninstallService(definition, context)).toBe(true)
  expect(calls).toEqual(['disable --now lares.service', 'daemon-reload'])
  expect(said()).toMatch(/The relay was stopped\.[\s\S]*Removed/)
  expect([unitPath(), neighbour, own].map((path) => existsSync(path))).toEqual([false, true, true])
  expect(await uninstallService(definition, context)).toBe(false)
})

test.each([
  ['changed by hand', (text: string) => text.replace('RestartSec=5', 'RestartSec=50')],
  ['not written by Lares', () => '[Unit]\nDescription=mine\n'],
])('a file %s is neither overwritten nor removed', async (what, edit) => {
  const { context, calls, reset } = system()
  await installService(definition, context)
  const mine = edit(readFileSync(unitPath(), 'utf8'))
  writeFileSync(unitPath(), mine)
  reset()
  await expect(installService(definition, context)).rejects.toThrow(what)
  await expect(uninstallService(definition, context)).rejects.toThrow('--force')
  expect([readFileSync(unitPath(), 'utf8'), calls]).toEqual([mine, []])
  expect(await uninstallService(definition, system({ force: true }).context)).toBe(true)
})

test('systemd says no: its words come through', async () => {
  const { context } = system()
  const refusing: ServiceContext = {
    ...context,
    run: async (program, args) =>
      args.includes('enable') ? { ok: false, output: 'Unit is masked.' } : context.run(program, args),
  }
  await expect(installService(definition, refusing)).rejects.toMatchObject({
    code: 'service-failed',
    message: expect.stringContaining('Unit is masked.'),
  })
})

test('Windows: the file in UTF-16 with its mark, and the commands to type', async () => {
  const { context, said } = system({ kind: 'task-scheduler' })
  await installService(definition, context)
  const { path } = serviceFileOf('task-scheduler', definition, {})
  expect(readFileSync(path).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xfe]))
  await installService(definition, context)
  expect(said()).toMatch(/as it should be[\s\S]*Not run here[\s\S]*schtasks \/Create/)
  expect(await uninstallService(definition, context)).toBe(true)
  expect(existsSync(path)).toBe(false)
})
