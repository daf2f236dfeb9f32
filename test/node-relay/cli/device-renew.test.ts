/** `lares device renew --certificate` at a relay that says what the test wants. */
import { KeyObject, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { readKeyFile, storeMembership } from '../../../node-relay/device-agent/key-file.ts'
import { certifiedApplicationCodec } from '../../../shared/admission/certificate-evidence.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { sha256 } from '../../../shared/hash.ts'
import { renewalMessage, transactionCodec } from '../../../shared/transaction/transaction.ts'
import { type Issued, issue, pem } from '../certificate/make-chain.ts'
import { createHome, type Home } from './context.ts'

const NETWORK = new Uint8Array(32).fill(7)
const DEVICE = new Uint8Array(32).fill(9)
const UNTIL = Date.UTC(2030, 0, 1)

let root: Issued
let camera: Issued
let home: Home
let server: Server
let relay: string
/** What the relay says. */
let network: Uint8Array
let sequence: number | undefined
let refusal: { code: string; sentence: string } | undefined
let posted: Uint8Array[]

beforeAll(async () => {
  root = await issue({ name: [{ CN: ['Root'] }], ca: true, until: UNTIL + 1_000 })
  camera = await issue({ issuer: root, until: UNTIL })
})
beforeEach(async () => {
  home = createHome()
  posted = []
  network = NETWORK
  sequence = 3
  refusal = undefined
  server = createServer((request, response) => {
    void answer(request.method, request.url ?? '', request).then(([status, body]) =>
      response.writeHead(status).end(JSON.stringify(body)),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  relay = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await home.run('device', 'keygen', '--out', 'key')).toMatchObject({ code: 0 })
  storeMembership(readKeyFile(join(home.directory, 'key')), { networkId: NETWORK, deviceId: DEVICE, relay })
  writeFileSync(join(home.directory, 'chain.pem'), pem(camera.der) + pem(root.der))
  const key = KeyObject.from(camera.keys.privateKey as unknown as webcrypto.CryptoKey)
  writeFileSync(join(home.directory, 'key.pem'), key.export({ format: 'pem', type: 'pkcs8' }))
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await home.clear()
})

async function answer(
  method: string | undefined,
  url: string,
  body: NodeJS.ReadableStream,
): Promise<[number, unknown]> {
  if (url.endsWith('/state')) return [200, { deviceId: 'LARES1X', state: 'registered', sequence }]
  if (method === 'GET') return [200, { networkId: toHex(network), nonce: 'ab'.repeat(32), trustRoots: [] }]
  posted.push(new Uint8Array(await buffer(body)))
  if (refusal !== undefined) return [422, refusal]
  sequence = (sequence ?? 0) + 1
  return [202, { deviceId: 'LARES1X', state: 'registered', transactionId: 'cd'.repeat(32) }]
}

const CERTIFICATE = ['--certificate', 'chain.pem', '--certificate-key', 'key.pem']
const renew = (...args: string[]) => home.run('device', 'renew', '--key', 'key', ...args)

it('signs the next transaction of the device with both keys, and waits until it is in a block', async () => {
  expect(await renew(...CERTIFICATE)).toEqual({
    code: 0,
    out: 'The certificate of this device is good until 2030-01-01 00:00:00 UTC.',
    err: '',
  })
  const application = certifiedApplicationCodec.decode(posted[0] as Uint8Array)
  const transaction = application.ok ? transactionCodec.decode(application.value.transaction) : application
  if (!application.ok || !transaction.ok || transaction.value.TAG !== 'evidence') throw new Error('no renewal')
  const { renewal, endorsements, authority } = transaction.value.data
  expect(renewal).toEqual({
    deviceId: DEVICE,
    sequence: 4,
    issuer: sha256(root.der),
    evidence: sha256(application.value.evidence),
    notAfter: UNTIL,
  })
  expect(endorsements).toEqual([])
  const { walletKey } = JSON.parse((await home.run('device', 'show', '--key', 'key', '--json')).out)
  const check = { publicKey: fromHex(walletKey), message: renewalMessage(NETWORK, renewal), signature: authority.data }
  expect(createNobleVerifier().verifySync(check)).toBe(true)
  expect(JSON.parse((await renew(...CERTIFICATE, '--json')).out)).toEqual({
    ...{ transactionId: 'cd'.repeat(32), notAfter: UNTIL, inBlock: true },
  })
})

it('signs nothing for another network, and for a device that the relay does not know', async () => {
  network = DEVICE
  expect(await renew(...CERTIFICATE)).toMatchObject({ code: 1, err: expect.stringContaining('another network') })
  network = NETWORK
  sequence = undefined
  expect(await renew(...CERTIFICATE)).toMatchObject({ code: 1, err: expect.stringContaining('does not know') })
  expect(posted).toEqual([])
})

it('says why the relay refuses', async () => {
  refusal = { code: 'wrong-anchor', sentence: 'The anchor is not that of the certified key.' }
  expect(await renew(...CERTIFICATE)).toEqual({ code: 1, out: '', err: refusal.sentence })
})

it('needs both files, and no hours', async () => {
  const together = { code: 2, err: '--certificate and --certificate-key belong together.' }
  expect(await renew('--certificate', 'chain.pem')).toMatchObject(together)
  expect(await renew('--certificate-key', 'key.pem')).toMatchObject(together)
  expect(await renew(...CERTIFICATE, '--hours', '2')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--hours'),
  })
  expect(posted).toEqual([])
})
