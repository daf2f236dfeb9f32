import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readRelayConfig } from '../../node-relay/config.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'lares-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const read = (...args: string[]) => readRelayConfig(args, { env: { XDG_DATA_HOME: cwd, LOCALAPPDATA: cwd }, cwd })

describe('relay configuration', () => {
  test('defaults', () => {
    const config = read('--data-dir', 'data')
    expect(config).toMatchObject({
      ok: true,
      value: {
        dataDir: join(cwd, 'data'),
        port: 4670,
        udpPort: 4671,
        listen: ['0.0.0.0', '::'],
        roles: ['full', 'coordination'],
        network: { kind: 'preset', preset: 'home' },
        name: 'lares',
        pageOrigin: undefined,
        quiet: false,
        tls: undefined,
      },
    })
  })

  test('addresses to announce, or none in the ledger', () => {
    const announce = (text: string) => read('--announce', text)
    const good = '/ip4/203.0.113.7/tcp/4673,/dns4/home.example/udp/4671/webrtc-direct,/ip6/2001:db8::1/tcp/4672/tls/ws'
    expect(announce(good)).toMatchObject({ ok: true, value: { announce: good.split(',') } })
    expect(announce('off')).toMatchObject({ ok: true, value: { announce: 'off' } })
    expect(read()).toMatchObject({ ok: true, value: { announce: [] } })
    for (const wrong of [
      '203.0.113.7:4673',
      '/ip4/203.0.113.7/tcp/4673/p2p/12D3KooWabc',
      '/ip4/home.example/tcp/4673',
      '/ip4/203.0.113.7/tcp/0',
      '/ip4/203.0.113.7/tcp/70000',
      '/dns4/203.0.113.7/tcp/1',
      `/dns4/${'x'.repeat(120)}/tcp/1`,
      Array.from({ length: 5 }, (_, i) => `/ip4/203.0.113.${i}/tcp/1`).join(),
    ])
      expect(announce(wrong), wrong).toMatchObject({ ok: false, code: 'bad-value' })
  })

  test('flags are read', () => {
    writeFileSync(join(cwd, 'net.json'), '{"name":"site"}')
    const config = read(
      ...['--port=0', '--udp-port', '5000', '--listen', '127.0.0.1,::1', '--roles', 'full', '--network', 'net.json'],
      ...['--mine-share', '.5', '--name', 'Kitchen.local', '--page-origin', 'https://lares.example/app/', '--quiet'],
      ...['--tls-cert', 'a.crt', '--tls-key', 'a.key', '--log-level', 'debug', '--log-to', 'stderr'],
    )
    expect(config).toMatchObject({
      ok: true,
      value: {
        port: 0,
        udpPort: 5000,
        listen: ['127.0.0.1', '::1'],
        roles: ['full'],
        network: { kind: 'file', path: join(cwd, 'net.json'), content: { name: 'site' } },
        mineShare: 0.5,
        name: 'kitchen',
        pageOrigin: 'https://lares.example/app',
        quiet: true,
        logLevel: 'debug',
        logTo: 'stderr',
        tls: { certFile: join(cwd, 'a.crt'), keyFile: join(cwd, 'a.key') },
      },
    })
  })

  test('a coordination node alone has none of what belongs to mining and the page', () => {
    expect(read('--roles', 'coordination', '--udp-port', '5000')).toMatchObject({
      ok: true,
      value: { roles: ['coordination'] },
    })
    for (const flags of [
      ['--mine-share', '0.1'],
      ['--page-origin', 'https://lares.example'],
      ['--tls-cert', 'a.crt', '--tls-key', 'a.key'],
    ])
      expect(read('--roles', 'coordination', ...flags)).toMatchObject({
        ok: false,
        code: 'bad-value',
        detail: expect.stringContaining(`${flags[0]} is for a full relay`),
      })
  })

  test('metrics are for this PC alone unless a person says otherwise', () => {
    const metrics = (...args: string[]) => {
      const config = read(...args)
      return config.ok ? config.value.metrics : config
    }
    expect(metrics()).toEqual({ host: '127.0.0.1', port: 4674, asked: false })
    expect(metrics('--listen', '0.0.0.0')).toEqual({ host: '127.0.0.1', port: 4674, asked: false })
    expect(metrics('--port', '0')).toEqual({ host: '127.0.0.1', port: 0, asked: false })
    expect(metrics('--metrics-listen', '[::]:9100')).toEqual({ host: '::', port: 9100, asked: true })
    expect(metrics('--metrics-listen', 'off')).toBeUndefined()
  })

  test('a config file is read, and flags win over it', () => {
    writeFileSync(
      join(cwd, 'config.json'),
      JSON.stringify({ port: 1000, 'udp-port': '1001', roles: ['full'], quiet: true }),
    )
    expect(read('--data-dir', '.', '--port', '2000')).toMatchObject({
      ok: true,
      value: { port: 2000, udpPort: 1001, roles: ['full'], quiet: true },
    })
  })

  test.each([
    [['--colour'], 'unknown-flag', '--colour'],
    [['-x'], 'unknown-flag', '-x'],
    [['--constructor', 'x'], 'unknown-flag', '--constructor'],
    [['surplus'], 'unknown-flag', 'surplus'],
    [['--port'], 'bad-value', '--port needs a value'],
    [['--port', '--quiet'], 'bad-value', '--port needs a value'],
    [['--port', '65536'], 'bad-value', '65535'],
    [['--port', '-1'], 'bad-value', '--port'],
    [['--port', '80a'], 'bad-value', '80a'],
    [['--port', '5000', '--ws-port', '5000'], 'bad-value', 'must differ'],
    [['--quiet=yes'], 'bad-value', 'takes no value'],
    [['--listen', 'localhost'], 'bad-value', 'localhost'],
    [['--roles', 'full,king'], 'bad-value', 'king'],
    [['--roles', ''], 'bad-value', '--roles'],
    [['--network', 'missing.json'], 'unknown-network-file', 'missing.json'],
    [['--network', 'broken.json'], 'unknown-network-file', 'broken.json'],
    [['--metrics-listen', 'localhost:1'], 'bad-value', '--metrics-listen'],
    [['--metrics-listen', '0.0.0.0'], 'bad-value', '--metrics-listen'],
    [['--metrics-listen', '0.0.0.0:65536'], 'bad-value', '--metrics-listen'],
    [['--mine-share', '1.1'], 'bad-value', '--mine-share'],
    [['--mine-share', ''], 'bad-value', '--mine-share'],
    [['--name', 'a b'], 'bad-value', 'a b'],
    [['--name', '-a'], 'bad-value', '--name'],
    [['--page-origin', 'http://192.168.0.2'], 'bad-value', 'https://'],
    [['--page-origin', 'javascript:alert(1)'], 'bad-value', 'https://'],
    [['--tls-cert', 'x'], 'bad-value', 'belong together'],
    [['--log-level', 'loud'], 'bad-value', 'loud'],
    [['--config', 'missing.json'], 'bad-config-file', 'missing.json'],
    [['--config', 'broken.json'], 'bad-config-file', 'not a JSON object'],
    [['--config', 'unknown.json'], 'bad-config-file', 'colour'],
    [['--config', 'wrong.json'], 'bad-config-file', 'port'],
  ])('%j is refused with one sentence', (args, code, part) => {
    writeFileSync(join(cwd, 'broken.json'), '[1]')
    writeFileSync(join(cwd, 'unknown.json'), '{"colour":"red"}')
    writeFileSync(join(cwd, 'wrong.json'), '{"port":{}}')
    const config = read(...args)
    expect(config).toMatchObject({ ok: false, code, detail: expect.stringContaining(part) })
    if (!config.ok) expect(config.detail).toMatch(/^[^\n]*\.$/)
  })
})
