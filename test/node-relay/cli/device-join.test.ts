/** What `lares device join` does with a key that has a device already, at a relay that says what the test wants. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readKeyFile, storeMembership } from '../../../node-relay/device-agent/key-file.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ownerAnchor } from '../../../shared/identity/anchor.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { formatVoucher } from '../../../shared/protocol/voucher-text.ts'
import { createHome, type Home } from './context.ts'

const bytes = (value: number, length = 32) => new Uint8Array(length).fill(value)
const voucherOf = (networkId: Uint8Array) =>
  formatVoucher({
    version: 1,
    networkId,
    seed: bytes(1),
    issuer: bytes(2),
    notAfter: 1,
    label: LABEL.lightweight,
    signature: bytes(3, 64),
  })
const HERE = bytes(7)
/** An approval, into which nobody looks here. */
const VECTORS = JSON.parse(readFileSync(new URL('../../vectors/device-profile.json', import.meta.url), 'utf8'))
const EVIDENCE = fromHex(VECTORS.expected.application).slice(131)
const ELSEWHERE = bytes(8)

let home: Home
const servers: Server[] = []
beforeEach(async () => {
  home = createHome()
  expect(await home.run('device', 'keygen', '--out', 'key')).toMatchObject({ code: 0 })
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await home.clear()
})

/** A relay that says this of any device, and takes every registration. @returns its origin */
async function relayThatSays(state: string): Promise<string> {
  return await answering(() => [200, { deviceId: 'LARES1X', state }])
}

async function answering(answer: (request: IncomingMessage) => [status: number, body: unknown]): Promise<string> {
  const server = createServer((request, response) => {
    const [status, body] = answer(request)
    request.resume()
    response.writeHead(status).end(JSON.stringify(body))
  })
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A relay that expects the key, and refuses its registration. */
async function relayThatRefuses(code: string, state: string): Promise<string> {
  const { walletKey } = JSON.parse((await home.run('device', 'show', '--key', 'key', '--json')).out)
  const application = Buffer.concat([
    Uint8Array.of(1, 1),
    fromHex(walletKey),
    bytes(4),
    ownerAnchor(fromHex(walletKey)),
    bytes(5),
    Uint8Array.of(0),
    EVIDENCE,
  ])
  return await answering(({ method, url = '' }) => {
    if (url.includes('/expected/')) return [200, { application: application.toString('base64url') }]
    if (url.endsWith('/state')) return [200, { state }]
    return method === 'GET' ? [200, { networkId: toHex(HERE) }] : [422, { code, sentence: 'No.' }]
  })
}

const path = () => join(home.directory, 'key')
const joinAt = (relay: string, networkId = HERE) =>
  home.run('device', 'join', '--key', 'key', '--relay', relay, '--voucher', voucherOf(networkId))
const memberAt = (relay: string, networkId: Uint8Array) =>
  storeMembership(readKeyFile(path()), { networkId, deviceId: bytes(9), relay })

it('is not done with a device that has left', async () => {
  const answer = await joinAt(await relayThatSays('retired'))
  expect(answer).toMatchObject({ code: 1, out: expect.stringContaining('has left the network') })
})

it.each([
  ['in this network', HERE],
  ['in another network, whose relay knows it', ELSEWHERE],
])('leaves a device as it is that is %s', async (_, networkId) => {
  const there = await relayThatSays('registered')
  const here = networkId === HERE ? there : await relayThatSays('not-in-ledger')
  memberAt(there, networkId)
  const before = readFileSync(path(), 'utf8')
  expect(await joinAt(here)).toMatchObject({ code: 1, err: expect.stringMatching(/already.*keygen/) })
  expect(readFileSync(path(), 'utf8')).toBe(before)
})

it('and one of another network whose relay cannot be asked', async () => {
  memberAt('http://127.0.0.1:1', ELSEWHERE)
  const before = readFileSync(path(), 'utf8')
  const answer = await joinAt(await relayThatSays('registered'))
  expect(answer).toMatchObject({ code: 1, err: expect.stringContaining('does not answer') })
  expect(readFileSync(path(), 'utf8')).toBe(before)
})

it('takes the place of an ID that never came into a ledger', async () => {
  memberAt(await relayThatSays('not-in-ledger'), ELSEWHERE)
  expect(await joinAt(await relayThatSays('registered'))).toMatchObject({ code: 0 })
  expect(readKeyFile(path()).membership?.networkId).toEqual(HERE)
})

it.each([
  ['already-registered', 'registered', 'is registered'],
  ['conflict', 'pending', 'is on its way'],
  ['conflict', 'not-in-ledger', 'is on its way'],
])('done again with an enrolled key (%s, %s), it says how far it is', async (code, state, sentence) => {
  const relay = await relayThatRefuses(code, state)
  const answer = await home.run('device', 'join', '--key', 'key', '--relay', relay, '--expected', '--no-wait')
  expect(answer).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(new RegExp(`^LARES1.*\\n.*${sentence}`)),
  })
})

it('and is refused for any other reason', async () => {
  const relay = await relayThatRefuses('bad-signature', 'not-in-ledger')
  const answer = await home.run('device', 'join', '--key', 'key', '--relay', relay, '--expected', '--no-wait')
  expect(answer).toMatchObject({ code: 1, err: 'No.' })
})

it('asks for one way in, and for a certificate together with its key', async () => {
  const at = ['--key', 'key', '--relay', 'http://127.0.0.1:9']
  for (const [flags, sentence] of [
    [[], 'Give one of'],
    [['--expected', '--certificate', 'chain.pem', '--certificate-key', 'key.pem'], 'Give one of'],
    [['--certificate', 'chain.pem'], 'belong together'],
    [['--certificate', 'chain.pem', '--certificate-key', 'key.pem'], 'cannot be read'],
  ] as const)
    expect((await home.run('device', 'join', ...at, ...flags)).err).toContain(sentence)
})
