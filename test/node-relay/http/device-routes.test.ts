import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Patience, SmallDeviceDoor } from '../../../node-relay/devices/door.ts'
import { createHttpApp } from '../../../node-relay/http/app.ts'
import { MAX_WAIT_SECONDS, REQUEST_BURST } from '../../../node-relay/http/limits.ts'
import { reject } from '../../../shared/errors.ts'
import { createFakeRelay, FAKE_DEVICE_ID, FAKE_SMALL_DEVICES } from '../../framework/fake-relay.ts'

const NONCE = '06'.repeat(32)
const DEVICE = `/api/v1/devices/${FAKE_DEVICE_ID}`
let webRoot: string
let app: FastifyInstance
/** What the door was asked, in order. */
let calls: unknown[][]

async function open(override: Partial<SmallDeviceDoor> = {}): Promise<void> {
  await app?.close()
  const smallDevices = { ...FAKE_SMALL_DEVICES, ...override }
  const watched = Object.fromEntries(
    Object.entries(smallDevices).map(([name, method]) => [
      name,
      (...args: unknown[]) => {
        calls.push([name, ...args])
        return (method as (...args: unknown[]) => unknown)(...args)
      },
    ]),
  ) as unknown as SmallDeviceDoor
  const facade = createFakeRelay({ smallDevices: watched })
  app = await createHttpApp({ facade, webRoot, log: pino({ level: 'silent' }), now: () => 0 })
}

beforeEach(async () => {
  webRoot = mkdtempSync(`${tmpdir()}/lares-web-`)
  calls = []
  await open()
})
afterEach(async () => {
  await app.close()
  rmSync(webRoot, { recursive: true })
})

const lastArgument = <Argument>() => calls.pop()?.at(-1) as Argument
const get = (url: string) => app.inject({ url })
const post = (url: string, body: Uint8Array | object) =>
  body instanceof Uint8Array
    ? app.inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/octet-stream' },
        body: Buffer.from(body),
      })
    : app.inject({ method: 'POST', url, body })

describe('the small-device profile over HTTP', () => {
  test.each([
    [
      '/api/v1/join',
      'transaction',
      202,
      { deviceId: FAKE_DEVICE_ID, state: 'pending', transactionId: '05'.repeat(32) },
    ],
    [`${DEVICE}/lease`, 'lease', 200, { deviceId: FAKE_DEVICE_ID, until: 1_700_000_400_001 }],
    [`${DEVICE}/answers`, 'answer', 200, { nonce: NONCE }],
  ])('%s takes bytes, and base64url in JSON', async (url, name, status, wanted) => {
    for (const body of [Uint8Array.of(1, 250, 2), { [name]: 'AfoC' }]) {
      const answer = await post(url, body)
      expect([answer.statusCode, answer.json()]).toEqual([status, wanted])
      expect([...lastArgument<Uint8Array>()]).toEqual([1, 250, 2])
    }
    for (const body of [new Uint8Array(0), {}, { [name]: 7 }, { [name]: '+/==' }, []]) {
      const answer = await post(url, body)
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'malformed-request'])
    }
    expect(calls).toEqual([])
  })

  test('a challenge is 32 bytes, or hex in JSON, and its asker is known by address', async () => {
    const nonce = Buffer.from(NONCE, 'hex')
    for (const body of [new Uint8Array(nonce), { nonce: NONCE }]) {
      const answer = await post(`${DEVICE}/challenges`, body)
      expect([answer.statusCode, answer.json()]).toEqual([
        202,
        { nonce: NONCE, expires: 1_700_000_400_002, text: 'LARESC1Q' },
      ])
      const [name, id, bytes, asker] = calls.pop() as [string, string, Uint8Array, string]
      expect([name, id, Buffer.from(bytes), asker]).toEqual(['challenge', FAKE_DEVICE_ID, nonce, '127.0.0.1'])
    }
    for (const body of [{}, { nonce: 'zz' }, { nonce: NONCE.slice(2) }])
      expect((await post(`${DEVICE}/challenges`, body)).statusCode).toBe(400)
    expect(calls).toEqual([])
  })

  test('state, time, open challenges and outcomes', async () => {
    expect((await get(`${DEVICE}/state`)).json()).toMatchObject({
      state: 'registered',
      sequence: 0,
      time: 1_700_000_400_000,
    })
    expect((await get(`/api/v1/time?nonce=${NONCE}`)).json()).toMatchObject({ relayId: '07'.repeat(32) })
    expect((await get('/api/v1/time')).statusCode).toBe(400)
    expect((await get(`${DEVICE}/challenges`)).json()).toEqual({
      time: 1_700_000_400_000,
      challenges: [{ nonce: NONCE, expires: 1_700_000_400_002 }],
    })
    expect((await get(`/api/v1/challenges/${NONCE}`)).json()).toEqual({
      deviceId: FAKE_DEVICE_ID,
      state: 'answered',
      expires: 1_700_000_400_002,
      answer: 'Bw',
    })
  })

  test('waits as long as asked, within bounds, and not for who hung up', async () => {
    await get(`${DEVICE}/challenges?wait=20`)
    const { waitMs, signal } = lastArgument<Patience>()
    expect([waitMs, signal instanceof AbortSignal]).toEqual([20_000, true])
    // The answer went out: whoever waited would be let go.
    expect(signal?.aborted).toBe(true)
    await get(`/api/v1/challenges/${NONCE}?wait=${MAX_WAIT_SECONDS}`)
    expect(lastArgument<Patience>().waitMs).toBe(MAX_WAIT_SECONDS * 1_000)
    for (const wait of ['-1', '1.5', 'x', MAX_WAIT_SECONDS + 1])
      expect((await get(`${DEVICE}/challenges?wait=${wait}`)).json().code).toBe('malformed-request')
    expect(calls).toEqual([])
  })

  test.each([
    ['not-in-ledger', 404],
    ['unknown-challenge', 404],
    ['device-busy', 429],
    ['asker-busy', 429],
    ['desk-full', 503],
    ['too-many-waiting', 503],
    ['group-full', 503],
    ['not-ready', 503],
    ['replayed-lease', 422],
    ['malformed-id', 400],
  ])('a refusal %s has status %i, its code and its sentence', async (code, status) => {
    const refusing = () => reject(code, 'No.')
    await open({ state: refusing, challenge: refusing, renew: async () => refusing(), time: async () => refusing() })
    for (const answer of [
      await get(`${DEVICE}/state`),
      await post(`${DEVICE}/lease`, Uint8Array.of(1)),
      await post(`${DEVICE}/challenges`, { nonce: NONCE }),
      await get(`/api/v1/time?nonce=${NONCE}`),
    ])
      expect([answer.statusCode, answer.json()]).toEqual([status, { code, sentence: 'No.' }])
  })

  test.each([
    ['the device is retired', 'The device is retired.'],
    ['A sentence. Or two!', 'A sentence. Or two!'],
  ])('what the rules say, "%s", is told as a sentence', async (detail, sentence) => {
    await open({ state: () => reject('retired', detail) })
    expect((await get(`${DEVICE}/state`)).json()).toEqual({ code: 'retired', sentence })
  })

  test('costs units: an address that challenges too often waits', async () => {
    for (let asked = 0; asked < Math.floor(REQUEST_BURST / 8); asked++)
      expect((await post(`${DEVICE}/challenges`, { nonce: NONCE })).statusCode).toBe(202)
    expect((await post(`${DEVICE}/challenges`, { nonce: NONCE })).json().code).toBe('too-many-requests')
  })
})
