import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority, issueLeaf } from '../../../node-relay/tls/authority.ts'
import {
  type CertificateStore,
  CHECK_INTERVAL_MS,
  openCertificateStore,
  readBroughtCertificate,
} from '../../../node-relay/tls/certificate-store.ts'
import { isPermittedDomain } from '../../../node-relay/tls/name-constraints.ts'
import { forgeLeaf } from './forged-certificate.ts'

const DAY = 24 * 3_600_000
/** The handshakes below go by the machine's own clock. */
const START = Math.floor(Date.now() / 1_000) * 1_000

let directory: string
let now: number
let hosts: string[]
let told: string[]
let due: { at: number; task: () => void }[]
const opened: CertificateStore[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lares-tls-'))
  now = START
  hosts = ['lares.local', 'localhost', '127.0.0.1', '::1', '192.168.7.2', 'fd00::2']
  due = []
  told = []
})
afterEach(() => {
  for (const store of opened.splice(0)) store.stop()
  rmSync(directory, { recursive: true })
})

async function open(): Promise<CertificateStore> {
  const store = await openCertificateStore({
    directory,
    name: 'lares',
    hosts: () => hosts,
    now: () => now,
    after(delay, task) {
      const entry = { at: now + delay, task }
      due.push(entry)
      return () => {
        due = due.filter((other) => other !== entry)
      }
    },
    log: () => {},
    notice: (sentence) => told.push(sentence),
  })
  opened.push(store)
  return store
}

/** Lets fake time pass, running what falls due. */
async function pass(store: CertificateStore, duration: number): Promise<void> {
  now += duration
  const ready = due.filter(({ at }) => at <= now)
  due = due.filter(({ at }) => at > now)
  for (const { task } of ready) task()
  // Joins the check that the timer began.
  await store.check()
}

/** A real handshake with the machine's TLS, trusting only `ca`. Returns the refusal, or undefined. */
async function handshake(pair: { key: string; cert: string }, ca: string, host: string): Promise<string | undefined> {
  const server = createServer(pair)
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca,
    checkServerIdentity: (_, certificate) =>
      new X509Certificate(certificate.raw)[/[:]|^[\d.]+$/.test(host) ? 'checkIP' : 'checkHost'](host) === undefined
        ? Object.assign(new Error(host), { code: 'WRONG_HOST' })
        : undefined,
  })
  try {
    await once(socket, 'secureConnect')
    return undefined
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  } finally {
    socket.destroy()
    server.close()
  }
}

describe('own certificates', () => {
  test('a client that trusts the CA alone connects by every name and address', async () => {
    const store = await open()
    for (const host of hosts) expect(await handshake(store.current(), store.authority ?? '', host)).toBeUndefined()
    expect(await handshake(store.current(), store.authority ?? '', 'bank.example')).toMatch(/^WRONG_HOST/)
    const other = await createAuthority('other', now)
    expect(await handshake(store.current(), other.cert, 'localhost')).toMatch(/UNABLE_TO|SELF_SIGNED/)
  })

  test('keys are private, and the authority stays over restarts', async () => {
    const first = await open()
    expect(readdirSync(directory).sort()).toEqual(['ca.crt', 'ca.key', 'relay.crt', 'relay.key'])
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600)
    const second = await open()
    expect(second.authority).toBe(first.authority)
    expect(second.current()).toEqual(first.current())
  })

  test('the authority cannot speak for the rest of the internet', async () => {
    const store = await open()
    const ca = { key: readFileSync(join(directory, 'ca.key'), 'utf8'), cert: store.authority ?? '' }
    expect(await handshake(await forgeLeaf(ca, 'bank.example'), ca.cert, 'bank.example')).toMatch(
      /permitted subtree violation/,
    )
    expect(await handshake(await forgeLeaf(ca, '8.8.8.8'), ca.cert, '8.8.8.8')).toMatch(/permitted subtree violation/)
    expect(await handshake(await forgeLeaf(ca, 'a.local'), ca.cert, 'a.local')).toBeUndefined()
    expect(isPermittedDomain('notlocal')).toBe(false)
  })

  test('public addresses are left out and do not spoil the rest', async () => {
    hosts.push('2001:db8::1', '203.0.113.9', 'relay.example')
    const store = await open()
    const certificate = new X509Certificate(store.current().cert)
    expect(certificate.subjectAltName).not.toMatch(/203\.0|2001|example/i)
    expect(await handshake(store.current(), store.authority ?? '', '192.168.7.2')).toBeUndefined()
    const before = store.current()
    await store.check()
    expect(store.current()).toEqual(before)
  })

  test('a leaf lives 397 days at most and is renewed 30 days before its end, by the same authority', async () => {
    const store = await open()
    const certificate = new X509Certificate(store.current().cert)
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBeLessThanOrEqual(397 * DAY)
    const first = store.current()
    const changes: string[] = []
    store.onChange(({ fingerprint }) => changes.push(fingerprint))

    await pass(store, 60 * DAY)
    expect(store.current()).toEqual(first)
    await pass(store, 305 * DAY)
    expect(store.current()).toEqual(first)
    await pass(store, 3 * DAY)
    expect(store.current().fingerprint).not.toBe(first.fingerprint)
    expect(store.current().notAfter).toBeGreaterThan(now + 390 * DAY)
    expect(changes).toEqual([store.current().fingerprint])
    expect(new X509Certificate(store.current().cert).verify(new X509Certificate(store.authority ?? '').publicKey)).toBe(
      true,
    )
    expect(due).toHaveLength(1)
  })

  test('a new address brings a new leaf at the next look; one that went does not', async () => {
    const store = await open()
    const first = store.current()
    hosts = hosts.filter((host) => host !== '192.168.7.2')
    await pass(store, CHECK_INTERVAL_MS)
    expect(store.current()).toEqual(first)
    hosts.push('10.1.2.3')
    await pass(store, CHECK_INTERVAL_MS)
    expect(new X509Certificate(store.current().cert).checkIP('10.1.2.3')).toBe('10.1.2.3')
  })

  test('an authority that is damaged stays aside, and the person is told', async () => {
    const { authority } = await open()
    expect(told).toEqual([])
    writeFileSync(join(directory, 'ca.key'), 'garbage')
    expect((await open()).authority).not.toBe(authority)
    expect(told).toEqual([expect.stringContaining('Phones must install it again')])
    expect(readFileSync(join(directory, 'ca.crt.before'), 'utf8')).toBe(authority)
    expect(readFileSync(join(directory, 'ca.key.before'), 'utf8')).toBe('garbage')
  })

  test('a new name brings a new leaf, at the next look and at the next start', async () => {
    const store = await open()
    const { authority } = store
    hosts = ['attic.local', 'localhost', '127.0.0.1']
    await pass(store, CHECK_INTERVAL_MS)
    expect(new X509Certificate(store.current().cert).checkHost('attic.local')).toBe('attic.local')
    hosts = ['cellar.local', 'localhost', '127.0.0.1']
    const again = await open()
    expect(new X509Certificate(again.current().cert).checkHost('cellar.local')).toBe('cellar.local')
    expect(again.authority).toBe(authority)
  })

  test('a clock that was put back gets a leaf that is valid now', async () => {
    const first = await open()
    now -= 700 * DAY
    const second = await open()
    expect(second.current().fingerprint).not.toBe(first.current().fingerprint)
    expect(Date.parse(new X509Certificate(second.current().cert).validFrom)).toBeLessThan(now)
  })

  test('an authority near its end is replaced', async () => {
    const first = await open()
    now += 19.5 * 365 * DAY
    const second = await open()
    expect(second.authority).not.toBe(first.authority)
    expect(
      new X509Certificate(second.current().cert).verify(new X509Certificate(second.authority ?? '').publicKey),
    ).toBe(true)
  })

  test.each(['ca.key', 'ca.crt', 'relay.key', 'relay.crt'])('a damaged %s is made anew', async (file) => {
    await open()
    writeFileSync(join(directory, file), 'damaged')
    const store = await open()
    expect(await handshake(store.current(), store.authority ?? '', 'localhost')).toBeUndefined()
  })
})

describe('a certificate brought along', () => {
  test('is used as it is', async () => {
    const pair = await issueLeaf(await createAuthority('x', START), ['a.local'], START)
    writeFileSync(join(directory, 'c'), pair.cert)
    writeFileSync(join(directory, 'k'), pair.key)
    const store = readBroughtCertificate(join(directory, 'c'), join(directory, 'k'))
    expect(store.current()).toMatchObject(pair)
    expect(store.authority).toBeUndefined()
  })

  test('a missing file, and a key of another certificate, are refused with a sentence', async () => {
    const authority = await createAuthority('x', START)
    const [one, two] = [await issueLeaf(authority, ['a.local'], START), await issueLeaf(authority, ['a.local'], START)]
    writeFileSync(join(directory, 'c'), one.cert)
    writeFileSync(join(directory, 'k'), two.key)
    const attempt = (key: string) => () => readBroughtCertificate(join(directory, 'c'), join(directory, key))
    expect(attempt('k')).toThrow(
      expect.objectContaining({ code: 'bad-certificate', message: expect.stringContaining('--tls-key') }),
    )
    expect(attempt('none')).toThrow(
      expect.objectContaining({ code: 'bad-certificate', message: expect.stringContaining('cannot be read') }),
    )
  })
})
