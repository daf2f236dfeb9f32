import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { decode, type Packet } from 'dns-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** Two hosts on one cable, as network namespaces. Needs root on Linux. */
const HOSTS = [`lares-a-${process.pid}`, `lares-b-${process.pid}`] as const

function canMakeNamespaces(): boolean {
  try {
    execFileSync('ip', ['netns', 'add', HOSTS[0]], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'delete', HOSTS[0]], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const require = createRequire(import.meta.url)
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })

describe.runIf(canMakeNamespaces())('a name on a real network', () => {
  const children: ChildProcess[] = []

  beforeAll(() => {
    for (const host of HOSTS) ip('netns', 'add', host)
    ip('link', 'add', 'cable0', 'netns', HOSTS[0], 'type', 'veth', 'peer', 'name', 'cable0', 'netns', HOSTS[1])
    HOSTS.forEach((host, index) => {
      ip('-n', host, 'address', 'add', `192.168.77.${index + 1}/24`, 'dev', 'cable0')
      ip('-n', host, 'link', 'set', 'cable0', 'up')
      ip('-n', host, 'link', 'set', 'lo', 'up')
      // Without a router there is no way for multicast by default.
      ip('-n', host, 'route', 'add', '224.0.0.0/4', 'dev', 'cable0')
    })
  })
  afterAll(async () => {
    for (const child of children) {
      child.stdin?.end()
      if (child.exitCode === null) await once(child, 'exit')
    }
    for (const host of HOSTS) ip('netns', 'delete', host)
  })

  async function announce(host: string): Promise<{ name?: string; problem?: string }> {
    const script = join(import.meta.dirname, 'announce-in-namespace.ts')
    const child = spawn('ip', ['netns', 'exec', host, process.execPath, script, 'lares'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    const [line] = await once(child.stdout, 'data')
    return JSON.parse(String(line))
  }

  /** Asks by multicast from an ordinary port and gives the first answer. */
  function resolve(host: string, name: string): Packet {
    const script = `
      const { createSocket } = require('node:dgram');
      const { encode } = require(${JSON.stringify(require.resolve('dns-packet'))});
      const socket = createSocket('udp4');
      socket.on('message', (message) => { console.log(message.toString('hex')); socket.close(); clearInterval(again) });
      const ask = () => socket.send(encode({ type: 'query', id: 9, questions: [{ type: 'A', name: '${name}' }] }), 5353, '224.0.0.251');
      const again = setInterval(ask, 200);
      ask();`
    const output = execFileSync('ip', ['netns', 'exec', host, process.execPath, '-e', script], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    return decode(Buffer.from(output.trim(), 'hex'))
  }

  test('is announced, found from the other host, and defended against a second one', async () => {
    expect(await announce(HOSTS[0])).toEqual({ name: 'lares.local' })
    expect(resolve(HOSTS[1], 'lares.local').answers).toMatchObject([{ type: 'A', data: '192.168.77.1' }])
    expect(await announce(HOSTS[1])).toEqual({ name: 'lares-2.local' })
    expect(resolve(HOSTS[0], 'lares-2.local').answers).toMatchObject([{ type: 'A', data: '192.168.77.2' }])
  })

  test('a host in no network says so and goes on', async () => {
    ip('-n', HOSTS[1], 'link', 'set', 'cable0', 'down')
    ip('-n', HOSTS[1], 'address', 'flush', 'dev', 'cable0')
    const answer = await announce(HOSTS[1])
    expect(answer.name).toBeUndefined()
    expect(answer.problem).toMatch(/on no network/)
  })
})
