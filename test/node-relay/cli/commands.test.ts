import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceRow } from '../../../node-relay/facade.ts'
import { adminSocketPath } from '../../../node-relay/http/admin-socket.ts'
import { FAKE_DEVICE, FAKE_DEVICE_ID, FAKE_NETWORK_ID } from '../../framework/fake-relay.ts'
import { createHome, type Home } from './context.ts'

let home: Home
beforeEach(() => {
  home = createHome()
})
afterEach(() => home.clear())

const run = (...args: string[]) => home.run(...args, '--data-dir', home.dataDir)

describe('with a running relay', () => {
  test('status, for people and for machines', async () => {
    await home.start()
    const { code, out } = await run('status')
    expect(code).toBe(0)
    for (const part of [
      FAKE_DEVICE_ID,
      '1 of 1 keeper seen',
      '/ip4/192.168.7.9/udp/1',
      '192.168.7.66 was dropped.',
      '#join=',
    ])
      expect(out).toContain(part)
    expect(JSON.parse((await run('status', '--json')).out)).toMatchObject({
      networkId: FAKE_NETWORK_ID,
      tip: { height: 12 },
      peers: [{}],
    })
  })

  test('clock confirm reaches the relay', async () => {
    await home.clear()
    let confirmed = 0
    home = createHome({ confirmClock: () => confirmed++ })
    await home.start()
    expect(await run('clock', 'confirm')).toMatchObject({ code: 0 })
    expect(confirmed).toBe(1)
  })

  test('devices, over several pages', async () => {
    await home.clear()
    const all: DeviceRow[] = Array.from({ length: 1_200 }, (_, index) => ({
      ...FAKE_DEVICE,
      deviceId: `LARES1${String(index).padStart(5, '0')}`,
    }))
    home = createHome({
      devices(after, limit) {
        const start = after === undefined ? 0 : all.findIndex(({ deviceId }) => deviceId === after) + 1
        return all.slice(start, start + limit)
      },
    })
    await home.start()
    const listed = JSON.parse((await run('devices', '--json')).out) as DeviceRow[]
    expect(listed.map(({ deviceId }) => deviceId)).toEqual(all.map(({ deviceId }) => deviceId))
    expect((await run('devices')).out.split('\n')).toHaveLength(1_201)
  })

  test('audit verifies the proof itself: a made-up one is refused', async () => {
    await home.start()
    const answer = await run('audit', FAKE_DEVICE_ID)
    expect([answer.code, answer.out]).toEqual([1, ''])
    expect(answer.err).toMatch(/^CANNOT SAY: the proof does not hold/)
  })

  test('audit of nonsense and of another network: the sentence of the relay', async () => {
    await home.start()
    expect(await run('audit', 'hello')).toMatchObject({ code: 1, err: 'This is not a Lares device ID.' })
    expect(await run('audit', 'LARES1X')).toMatchObject({ code: 1, err: 'This ID belongs to another network.' })
    expect(await run('audit', '../status')).toMatchObject({ code: 1, err: 'This is not a Lares device ID.' })
  })

  test('proof export writes what the relay gave', async () => {
    await home.start()
    expect(await run('proof', 'export', FAKE_DEVICE_ID, '--out', 'p.bin')).toMatchObject({ code: 0 })
    expect(existsSync(join(home.directory, 'p.bin'))).toBe(true)
    expect(await run('proof', 'export', FAKE_DEVICE_ID, '--out', 'none/p.bin')).toMatchObject({
      code: 1,
      err: expect.stringContaining('--out'),
    })
  })

  test.each([
    ['directory', 'export'],
    ['enroll', 'fleet.csv'],
    ['labels', '--all'],
    ['proof', 'export', FAKE_DEVICE_ID],
  ])('%s %s says in a sentence where no file can be put', async (...command) => {
    await home.start()
    writeFileSync(join(home.directory, 'fleet.csv'), 'name,serial\nDoor,S-1\n')
    for (const [out, sentence] of [
      ['none/file', 'There is no such place as'],
      ['.', 'is a folder; name a file in it'],
    ] as const) {
      const { code, err } = await run(...command, '--out', out)
      expect([code, err]).toEqual([1, expect.stringContaining(sentence)])
    }
  })

  test('a long path of the data folder', async () => {
    const deep = join(home.directory, 'x'.repeat(100), 'y'.repeat(60))
    mkdirSync(deep, { recursive: true })
    await home.start('--data-dir', deep)
    expect(adminSocketPath(deep).startsWith(deep)).toBe(false)
    expect((await home.run('status', '--data-dir', deep)).code).toBe(0)
  })
})

describe('without a running relay', () => {
  test.each([['status'], ['devices'], ['audit', 'LARES1X'], ['proof', 'export', 'LARES1X']])(
    '%s %s says so',
    async (...args) => {
      const answer = await run(...args)
      expect(answer).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/^No relay is running with the data folder .*--data-dir\.$/),
      })
    },
  )

  test('a socket left behind by a killed relay', async () => {
    mkdirSync(home.dataDir)
    writeFileSync(adminSocketPath(home.dataDir), '')
    expect((await run('status')).err).toMatch(/^No relay is running/)
  })

  test('voucher create says that there is no relay yet', async () => {
    expect(await run('voucher', 'create')).toMatchObject({ code: 1, err: expect.stringMatching(/no relay .* yet/) })
  })

  test('proof verify needs a network to trust, and a file', async () => {
    writeFileSync(join(home.directory, 'p'), 'no proof')
    expect(await run('proof', 'verify', 'p')).toMatchObject({ code: 2, err: expect.stringContaining('--network') })
    const ab = FAKE_NETWORK_ID
    expect(await run('proof', 'verify', 'p', '--network', ab)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^CANNOT SAY/),
    })
    expect(await run('proof', 'verify', 'q', '--network', ab)).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be read'),
    })
    expect(await run('proof', 'verify', 'p', '--network', 'ab')).toMatchObject({ code: 2 })
  })
})

describe('usage', () => {
  test('help, help of a command, version', async () => {
    for (const args of [[], ['help'], ['--help']])
      expect((await home.run(...args)).out).toContain('lares voucher create')
    expect((await home.run('start', '--help')).out).toContain('--mine-share')
    expect((await home.run('help', 'proof', 'verify')).out).toContain('--network ID')
    expect((await home.run('help', 'db')).out).toMatch(/db verify[\s\S]*db compact[\s\S]*db rollback/)
    expect(await home.run('--version')).toEqual({ code: 0, out: '9.8.7', err: '' })
  })

  test.each([
    [['fly'], 'There is no command "fly"'],
    [['help', 'fly'], 'There is no command "fly"'],
    [['proof'], '"lares proof export" or "lares proof verify"'],
    [['voucher', 'burn'], '"lares voucher create"'],
    [['audit'], 'lares audit ID'],
    [['audit', 'a', 'b'], 'lares audit ID'],
    [['status', '--loud'], '--loud'],
    [['voucher', 'create', '--count', '0'], '--count'],
    [['voucher', 'create', '--count', '101'], '--count'],
    [['voucher', 'create', '--days', 'x'], '--days'],
  ])('%j: exit code 2 and a sentence', async (args, part) => {
    const answer = await home.run(...args)
    expect(answer).toMatchObject({ code: 2, out: '' })
    expect(answer.err).toContain(part)
    expect(answer.err).not.toContain('\n')
  })
})
