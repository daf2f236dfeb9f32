import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AdminStatus } from '../../../node-relay/http/admin-socket.ts'
import { adminSocketPath } from '../../../node-relay/http/admin-socket.ts'
import { createHome, type Home, holdTcpPort, OWNER_WORDS } from './context.ts'

let home: Home
beforeEach(() => {
  home = createHome()
})
afterEach(() => home.clear())

async function status(): Promise<AdminStatus> {
  return JSON.parse((await home.run('status', '--data-dir', home.dataDir, '--json')).out)
}

async function getTrusting(ca: string, url: string): Promise<string> {
  const asking = request(url, { ca, agent: false }).end()
  const [response] = await once(asking, 'response')
  return text(response)
}

describe('lares start', () => {
  test('opens its doors, prints what a person needs, and ends at Ctrl-C', async () => {
    mkdirSync(home.page)
    writeFileSync(join(home.page, 'index.html'), '<title>Lares</title>')
    const started = await home.start('--network', 'test', '--mine-share', '0.5')
    expect(started.err()).toBe('')
    const { doors, pid } = await status()
    expect(pid).toBe(process.pid)
    expect(doors.joinUrl).toBe(`http://127.0.0.1:${doors.port}/#join=eyJuIjoiYWIifQ`)
    for (const part of [doors.joinUrl, 'LARES1Q', 'Height       12 (settled 6)', home.dataDir, 'Ctrl-C', '█'])
      expect(started.out()).toContain(part)
    expect(started.pageUrls).toEqual([`http://127.0.0.1:${doors.port}/`])
    expect(started.init).toMatchObject({
      hosts: ['127.0.0.1'],
      mineShare: 0.5,
      name: 'lares',
      parameters: { spacingMs: 1_000 },
      version: '9.8.7',
    })
    expect(started.init?.webSocketTls?.cert).toContain('BEGIN CERTIFICATE')

    const ca = readFileSync(join(home.dataDir, 'tls', 'ca.crt'), 'utf8')
    expect(await getTrusting(ca, `https://127.0.0.1:${doors.port}/`)).toContain('<title>Lares')
    expect(await (await fetch(`http://127.0.0.1:${doors.port}/healthz`)).json()).toEqual({ ok: true })
    expect(await (await fetch(`http://127.0.0.1:${doors.port}/lares-ca.crt`)).text()).toBe(ca)

    expect(await started.stop()).toBe(0)
    await expect(fetch(`http://127.0.0.1:${doors.port}/healthz`)).rejects.toThrow()
    expect((await home.run('status', '--data-dir', home.dataDir)).code).toBe(1)
  })

  test('shows the recovery words once, in a box, also with --quiet', async () => {
    const started = await home.start('--quiet')
    expect(started.out()).toMatch(/┌─+┐/)
    expect(started.out()).toContain('owner key')
    const words = [...started.out().matchAll(/\d+ ([a-z]+)/g)].map((match) => match[1])
    expect(words.join(' ')).toBe(OWNER_WORDS)
    expect(started.out()).not.toContain('Lares is running')
    await started.stop()
    expect(readFileSync(join(home.dataDir, 'relay.log'), 'utf8')).not.toContain('sausage')
  })

  test('the static page is what join links open, when one is named', async () => {
    const started = await home.start('--page-origin', 'https://lares.example/app/')
    expect(started.out()).toContain('https://lares.example/app/#join=')
    expect(started.pageUrls).toEqual(['https://lares.example/app/'])
  })

  test('starts again in the same folder, with the same authority', async () => {
    await (await home.start()).stop()
    const ca = readFileSync(join(home.dataDir, 'tls', 'ca.crt'), 'utf8')
    const started = await home.start()
    expect(started.err()).toBe('')
    expect(readFileSync(join(home.dataDir, 'tls', 'ca.crt'), 'utf8')).toBe(ca)
  })

  test('the admin socket is for its owner alone', async () => {
    await home.start()
    expect(statSync(adminSocketPath(home.dataDir)).mode & 0o777).toBe(0o600)
  })
})

describe('what keeps it from starting is one sentence that says what to do', () => {
  const sentence = /^[^\n]+\.$/

  test.each(['port', 'ws-port', 'tcp-port'])('a busy TCP port (--%s)', async (flag) => {
    const { port, release } = await holdTcpPort()
    const started = await home.start(`--${flag}=${port}`)
    expect(started.err()).toBe(
      `TCP port ${port} is used by another program; stop it, or choose another with --${flag}.`,
    )
    expect(started.init).toBeUndefined()
    expect(await started.stop()).toBe(1)
    await release()
    expect((await home.start(`--${flag}=${port}`)).err()).toBe('')
  })

  test('a busy UDP port', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    const started = await home.start(`--udp-port=${port}`)
    expect(started.err()).toBe(
      `UDP port ${port} is used by another program; stop it, or choose another with --udp-port.`,
    )
    expect(started.out()).toBe('')
    socket.close()
  })

  test('a second relay in one folder', async () => {
    const first = await home.start()
    const second = await home.start()
    expect(second.err()).toMatch(sentence)
    expect(second.err()).toContain('already works with')
    expect(await second.stop()).toBe(1)
    expect((await home.run('status', '--data-dir', home.dataDir)).code).toBe(0)
    expect(await first.stop()).toBe(0)
  })

  test('a foreign folder, a damaged one', async () => {
    mkdirSync(home.dataDir)
    writeFileSync(join(home.dataDir, 'holiday.jpg'), '')
    expect((await home.start()).err()).toMatch(/holds other files.*--data-dir\.$/)
    writeFileSync(join(home.dataDir, 'lares.json'), '{')
    expect((await home.start()).err()).toMatch(/is damaged.*backup/)
  })

  test('a network file that is none, or says nonsense', async () => {
    expect((await home.start('--network', 'no.json')).err()).toMatch(/there is no file .*no\.json\.$/)
    writeFileSync(join(home.directory, 'net.json'), '{"spacingMs":"fast"}')
    const started = await home.start('--network', 'net.json')
    expect(started.err()).toMatch(/needs a whole number.*spacingMs.*--network home\.$/)
    expect(started.init).toBeUndefined()
    writeFileSync(join(home.directory, 'net.json'), '{"preset":"test","spacingMs":500}')
    expect((await home.start('--network', 'net.json')).init?.parameters).toMatchObject({
      spacingMs: 500,
      settleDepth: 2,
    })
  })

  test('a certificate that is none', async () => {
    const started = await home.start('--tls-cert', 'a.crt', '--tls-key', 'a.key')
    expect(started.err()).toMatch(/a\.crt cannot be read; check --tls-cert and --tls-key\.$/)
  })

  test('flags: exit code 2', async () => {
    const started = await home.start('--colour')
    expect([await started.stop(), started.err()]).toEqual([2, 'There is no flag --colour; see "lares help".'])
  })
})
