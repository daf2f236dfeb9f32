import { afterEach, describe, expect, it } from 'vitest'
import {
  CHANNELS_BEFORE_RENEWAL,
  endWornConnections,
  MAX_CHANNELS_PER_CONNECTION,
} from '../../../node-relay/network/worn-connections.ts'
import type { ProtocolSpec } from '../../../shared/protocol/transport.ts'
import { createBrowserNetwork } from '../../../web/network/browser-network.ts'
import { addressOf, nextPeerEvent, startRelayNetwork } from '../../framework/network.ts'

const SPEC: ProtocolSpec = { id: '/lares-test/worn/1', maxRequest: 100, maxResponse: 100, timeoutMs: 20_000, cost: 1 }

function createConnection() {
  let open = () => {}
  let due: (() => void) | undefined
  let closed = 0
  const clock = {
    now: () => 0,
    after(_ms: number, task: () => void) {
      due = task
      return () => {
        due = undefined
      }
    },
  }
  const connection = {
    maConn: { peerConnection: { addEventListener: (_type: string, listener: () => void) => (open = listener) } },
    status: 'open',
    async close() {
      closed++
      connection.status = 'closed'
    },
  }
  endWornConnections(connection, { clock, log: () => {} })
  return {
    channels(count: number) {
      for (let i = 0; i < count; i++) open()
    },
    quiet: () => due?.(),
    isClosed: () => closed > 0,
  }
}

describe('a connection that carried many channels', () => {
  it('is ended once it is quiet, not before', () => {
    const { channels, quiet, isClosed } = createConnection()
    channels(CHANNELS_BEFORE_RENEWAL - 1)
    quiet()
    expect(isClosed()).toBe(false)
    channels(1)
    expect(isClosed()).toBe(false)
    quiet()
    expect(isClosed()).toBe(true)
  })

  it('is ended at the bound however busy it is', () => {
    const { channels, isClosed } = createConnection()
    channels(MAX_CHANNELS_PER_CONNECTION - 1)
    expect(isClosed()).toBe(false)
    channels(1)
    expect(isClosed()).toBe(true)
  })

  it('of another transport is left alone', () => {
    endWornConnections({ maConn: {} }, { clock: { now: () => 0, after: () => () => {} }, log: () => {} })
  })
})

describe('a real WebRTC connection', () => {
  const running: { stop(): Promise<void> }[] = []
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop()
  })

  it('is ended by the relay, and the page is back by itself', { timeout: 60_000 }, async () => {
    const relay = await startRelayNetwork()
    running.push(relay)
    await relay.handle(SPEC, async (_from, request) => request)
    const browser = await createBrowserNetwork()
    running.push(browser)
    const address = addressOf(relay.addresses(), 'webrtc-direct')
    browser.keepConnected(relay.peerId, [address])
    await nextPeerEvent(browser, 'connected', relay.peerId)
    const gone = nextPeerEvent(browser, 'disconnected', relay.peerId)
    // Of requests at the same time one stream is kept for the next, so that each round opens new channels.
    for (let channels = 1; channels < CHANNELS_BEFORE_RENEWAL; channels += 7)
      await Promise.all(Array.from({ length: 8 }, () => browser.request(relay.peerId, SPEC, Uint8Array.of(1))))
    await gone
    await nextPeerEvent(browser, 'connected', relay.peerId)
    expect(await browser.request(relay.peerId, SPEC, Uint8Array.of(2))).toEqual(Uint8Array.of(2))
  })
})
