/**
 * A home network of two machines on this one: two network namespaces joined by a cable. The browser's also holds the
 * address of a web host; to the browser that is an address like any other.
 *
 * Needs Linux, root and iproute2. Names are unique to the run, and everything goes with {@link Lan.remove}, or at the
 * latest when the process ends.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const RELAY_ADDRESS = '192.168.77.1'
const BROWSER_ADDRESS = '192.168.77.2'
/** Reserved for documentation (RFC 5737): nobody's, here or elsewhere. */
export const WEB_HOST_ADDRESS = '203.0.113.1'
/** A name that the home CA may certify (RFC 8375); only these two machines know it. */
export const WEB_HOST_NAME = 'pages.home.arpa'

/** `ip netns exec` puts what lies here over /etc (ip-netns(8)). */
const NAMESPACE_ETC = '/etc/netns'
/** Debian's Chromium reads machine policies, which say what authorities it trusts; other builds read other folders. */
const CHROMIUM = { executable: '/usr/bin/chromium', etc: '/etc/chromium' } as const

export interface Lan {
  /** Runs a program on the relay's machine. */
  readonly relayPrefix: readonly string[]
  /** Runs a program on the browser's machine. */
  readonly browserPrefix: readonly string[]
  /** Gives the browser's machine a name for an address, as multicast DNS would. */
  name(name: string, address: string): void
  /** Lets the browser trust certificate authorities, PEM, as a person does once in the settings. */
  trust(...authorities: readonly string[]): void
  /** An executable that starts Chromium on the browser's machine. */
  readonly chromium: string
  remove(): void
}

/** Why there can be no such network here, as a sentence; undefined when there can. */
export function lanObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'Network namespaces are a part of Linux, and this is another system.'
  if (process.getuid?.() !== 0) return 'Making network namespaces needs root, and this user is not root.'
  const name = uniqueName()
  try {
    ip('netns', 'add', name)
    ip('netns', 'exec', name, 'ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1')
  } catch (error) {
    return `"ip netns" does not work here (${(error as Error).message.trim().split('\n').at(-1)}).`
  } finally {
    quietly(() => ip('netns', 'delete', name))
  }
  if (!Object.values(CHROMIUM).every((path) => existsSync(path)))
    return `Trusting a certificate needs Debian's Chromium (${CHROMIUM.executable} and ${CHROMIUM.etc}), which is not here.`
  return undefined
}

/** Makes the network; see {@link lanObstacle} for what it needs. */
export function createLan(): Lan {
  const run = uniqueName()
  const relay = `${run}-relay`
  const browser = `${run}-browser`
  const etc = join(NAMESPACE_ETC, browser)
  const scripts = mkdtempSync(join(tmpdir(), 'lares-lan-'))
  const chromium = join(scripts, 'chromium')
  const hosts = ['127.0.0.1 localhost', `${WEB_HOST_ADDRESS} ${WEB_HOST_NAME}`]
  let removed = false

  function remove(): void {
    if (removed) return
    removed = true
    process.off('exit', remove)
    for (const name of [relay, browser]) quietly(() => ip('netns', 'delete', name))
    rmSync(etc, { recursive: true, force: true })
    if (existsSync(NAMESPACE_ETC) && readdirSync(NAMESPACE_ETC).length === 0) quietly(() => rmdirSync(NAMESPACE_ETC))
    rmSync(scripts, { recursive: true, force: true })
  }

  function name(text: string, address: string): void {
    hosts.push(`${address} ${text}`)
    writeFileSync(join(etc, 'hosts'), `${hosts.join('\n')}\n`)
  }

  process.on('exit', remove)
  try {
    for (const namespace of [relay, browser]) {
      ip('netns', 'add', namespace)
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
    // Interface names count per namespace, so they need not be unique.
    ip('-n', relay, 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan0', 'netns', browser)
    for (const [namespace, address] of [
      [relay, RELAY_ADDRESS],
      [browser, BROWSER_ADDRESS],
    ] as const) {
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'lan0')
      ip('-n', namespace, 'link', 'set', 'lan0', 'up')
    }
    // Not on the relay's machine, which would offer it as an address of its own.
    ip('-n', browser, 'address', 'add', `${WEB_HOST_ADDRESS}/32`, 'dev', 'lo')
    // Chromium offers WebRTC the address of the default route.
    ip('-n', browser, 'route', 'add', 'default', 'via', RELAY_ADDRESS)
    mkdirSync(etc, { recursive: true })
    writeFileSync(join(etc, 'hosts'), `${hosts.join('\n')}\n`)
    writeFileSync(chromium, `#!/bin/sh\nexec ip netns exec ${browser} ${CHROMIUM.executable} "$@"\n`)
    chmodSync(chromium, 0o755)
  } catch (error) {
    remove()
    throw error
  }

  return {
    relayPrefix: ['ip', 'netns', 'exec', relay],
    browserPrefix: ['ip', 'netns', 'exec', browser],
    name,
    trust(...authorities) {
      const managed = join(etc, 'chromium', 'policies', 'managed')
      mkdirSync(managed, { recursive: true })
      const CACertificates = authorities.map((pem) => pem.replace(/-----[^-]+-----|\s/g, ''))
      writeFileSync(join(managed, 'lares.json'), JSON.stringify({ CACertificates }))
    },
    chromium,
    remove,
  }
}

function uniqueName(): string {
  return `lares-${process.pid}-${randomBytes(3).toString('hex')}`
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function quietly(task: () => unknown): void {
  try {
    task()
  } catch {
    // Not there (any more): nothing to clean up.
  }
}
