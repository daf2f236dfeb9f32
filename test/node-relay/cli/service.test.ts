import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDataDir } from '../../../node-relay/data-dir.ts'
import { createKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { formatJoinLink } from '../../../shared/protocol/join-link.ts'
import { createHome, type Home } from './context.ts'

let home: Home
beforeEach(() => {
  home = createHome()
})
afterEach(() => home.clear())

const run = (...args: string[]) => home.run(...args, '--data-dir', home.dataDir)

/** What a relay of the network "villa" leaves behind. */
async function leaveRelay(): Promise<void> {
  const opened = openDataDir(home.dataDir)
  if (!opened.ok) throw new Error(opened.detail)
  const { directory, file, close } = opened.value
  await createKeys(home.dataDir)
  writeFileSync(join(directory('chain'), '000001.ldb'), 'blocks')
  writeFileSync(file('config.json'), '{}')
  writeFileSync(file('relay.log'), '')
  const checkpoint = { height: 0, hash: new Uint8Array(32) }
  const link = formatJoinLink({ version: 1, networkId: new Uint8Array(32), checkpoint, addresses: [], name: 'villa' })
  writeRelayFile(home.dataDir, { networkId: 'ab', deviceId: 'cd', pageUrl: undefined, link })
  close()
}

describe('service', () => {
  test('a network that was never founded: its words would go to a log', async () => {
    expect(await run('service', 'install')).toMatchObject({ code: 1, err: expect.stringContaining('npm start') })
  })

  test('install and uninstall on a machine without a systemd of the user', async () => {
    await leaveRelay()
    // No bus can be reached from this environment.
    const installed = await run('service', 'install', '--port', '5000', '--network', 'net.json')
    expect(installed).toMatchObject({ code: 2, err: expect.stringContaining('net.json') })
    writeFileSync(join(home.directory, 'net.json'), '{}')
    const again = await run('service', 'install', '--port', '5000', '--network', 'net.json')
    expect(again.code).toBe(0)
    const path = /Written: (\S+)/.exec(again.out)?.[1] ?? ''
    expect(path).toMatch(/\/systemd\/user\/lares-[0-9a-f]{8}\.service$/)
    const unit = readFileSync(path, 'utf8')
    expect(unit).toContain(`ExecStart=${process.execPath} `)
    expect(unit).toContain(`--data-dir ${home.dataDir} --quiet --port=5000 --network=${home.directory}/net.json`)
    expect((await run('service', 'uninstall')).code).toBe(0)
    expect(existsSync(path)).toBe(false)
    expect((await run('service', 'uninstall')).out).toMatch(/^There is no service for/)
  })

  test.each([
    ['systemd', '[Service]'],
    ['launchd', 'Not run here'],
    ['task-scheduler', 'Not run here'],
  ])('--print %s writes nothing', async (kind, part) => {
    const { code, out } = await run('service', 'install', '--print', kind)
    expect([code, out.includes(part)]).toEqual([0, true])
    expect(readdirSync(home.directory)).toEqual([])
  })

  test('the help says what was not run here', async () => {
    expect((await home.run('help', 'service', 'install')).out).toContain('not run here')
    expect(await run('service', 'install', '--print', 'upstart')).toMatchObject({ code: 2 })
  })
})

describe('uninstall', () => {
  beforeEach(leaveRelay)

  test('asks for the name of the network', async () => {
    const asked: string[] = []
    const answer = (text: string) => async (question: string) => {
      asked.push(question)
      return text
    }
    const wrong = await home.answering(answer('yes'), 'uninstall', '--data-dir', home.dataDir)
    expect(wrong).toMatchObject({ code: 1, err: 'Nothing was removed.' })
    expect(wrong.out).toContain('chain  config.json  keys.json')
    expect(existsSync(join(home.dataDir, 'keys.json'))).toBe(true)
    expect(await home.answering(answer(' villa '), 'uninstall', '--data-dir', home.dataDir)).toMatchObject({ code: 0 })
    expect(asked[0]).toContain('(villa)')
    expect(existsSync(home.dataDir)).toBe(false)
  })

  test('nobody to ask: --yes, or nothing happens', async () => {
    expect(await run('uninstall')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    expect(existsSync(join(home.dataDir, 'chain'))).toBe(true)
    expect(await run('uninstall', '--yes')).toMatchObject({ code: 0 })
    expect(existsSync(home.dataDir)).toBe(false)
  })

  test('--keep-wallet leaves the keys, says where, and a relay can start there again', async () => {
    const keys = readFileSync(join(home.dataDir, 'keys.json'), 'utf8')
    const { code, out } = await run('uninstall', '--yes', '--keep-wallet')
    expect([code, out]).toEqual([0, expect.stringContaining(join(home.dataDir, 'keys.json'))])
    expect(readdirSync(home.dataDir).sort()).toEqual(['keys.json', 'lares.json'])
    expect(readFileSync(join(home.dataDir, 'keys.json'), 'utf8')).toBe(keys)
    const opened = openDataDir(home.dataDir)
    expect(opened.ok).toBe(true)
    if (opened.ok) opened.value.close()
  })

  test('refused while a relay runs', async () => {
    const held = openDataDir(home.dataDir)
    const { code, err } = await run('uninstall', '--yes')
    expect([code, err]).toEqual([1, expect.stringMatching(/stop it first: press Ctrl-C/)])
    expect(existsSync(join(home.dataDir, 'chain'))).toBe(true)
    if (held.ok) held.value.close()
  })

  test('a service that was changed by hand stops it before anything is gone', async () => {
    const { out } = await run('service', 'install')
    const path = /Written: (\S+)/.exec(out)?.[1] ?? ''
    const unit = readFileSync(path, 'utf8')
    writeFileSync(path, `${unit}# mine\n`)
    expect(await run('uninstall', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('by hand') })
    expect(existsSync(join(home.dataDir, 'chain'))).toBe(true)
    writeFileSync(path, unit)
    expect((await run('uninstall', '--yes')).code).toBe(0)
    expect([existsSync(path), existsSync(home.dataDir)]).toEqual([false, false])
  })

  test("another folder's files are never touched", async () => {
    writeFileSync(join(home.directory, 'letter.txt'), 'dear')
    for (const directory of [home.directory, join(home.directory, 'missing')])
      expect(await home.run('uninstall', '--yes', '--data-dir', directory)).toMatchObject({ code: 1 })
    expect(readFileSync(join(home.directory, 'letter.txt'), 'utf8')).toBe('dear')
  })
})
