import { describe, expect, it } from 'vitest'
import { INITIATOR_PATIENCE_MS, SIGNALING_PROTOCOL, waitingForInitiators } from '../../../web/network/browser-webrtc.ts'
import { createFakeTransportClock } from '../../framework/network-doubles.ts'

type Components = Parameters<typeof waitingForInitiators>[0]
type Handler = Parameters<Components['registrar']['handle']>[1]

const PEER = { toString: () => 'initiator' }

/** A stream whose other side ends when the test says so. */
class Signaling extends EventTarget {
  remoteWriteStatus = 'writable'

  end(): void {
    this.remoteWriteStatus = 'closed'
    this.dispatchEvent(new Event('remoteCloseWrite'))
  }

  break(): void {
    this.dispatchEvent(new Event('close'))
  }
}

function setUp() {
  const clock = createFakeTransportClock()
  const handlers = new Map<string, Handler>()
  const upgraded: string[] = []
  const { registrar, upgrader } = waitingForInitiators(
    {
      registrar: {
        handle: async (protocol: string, handler: Handler) => void handlers.set(protocol, handler),
      },
      upgrader: {
        upgradeInbound: async (connection: string) => void upgraded.push(connection),
      },
    } as unknown as Components,
    clock,
  )
  const handled: unknown[] = []
  return {
    clock,
    upgraded,
    handled,
    async receive(protocol = SIGNALING_PROTOCOL, stream = new Signaling()) {
      await registrar.handle(protocol, (each) => void handled.push(each))
      handlers.get(protocol)?.(stream as never, { remotePeer: PEER } as never)
      return stream
    },
    upgrade: (signal = new AbortController().signal, remotePeer = PEER) =>
      upgrader.upgradeInbound('direct' as never, { remotePeer, signal } as never),
  }
}

describe('a direct connection from another browser', () => {
  it('is taken in only when its initiator has ended the signalling', async () => {
    const { clock, receive, upgrade, upgraded, handled } = setUp()
    const stream = await receive()
    expect(handled).toEqual([stream])
    const done = upgrade()
    await clock.advance(INITIATOR_PATIENCE_MS - 1)
    expect(upgraded).toEqual([])
    stream.end()
    await done
    expect(upgraded).toEqual(['direct'])
  })

  it.each([
    ['the signalling ended before', async ({ receive }: ReturnType<typeof setUp>) => (await receive()).end()],
    [
      'the signalling had ended when it was seen',
      async ({ receive }: ReturnType<typeof setUp>) => {
        const stream = new Signaling()
        stream.end()
        await receive(SIGNALING_PROTOCOL, stream)
      },
    ],
    ['the signalling broke', async ({ receive }: ReturnType<typeof setUp>) => (await receive()).break()],
    ['only another protocol is open', ({ receive }: ReturnType<typeof setUp>) => receive('/other/1')],
    ['there was no signalling', async () => {}],
  ])('is taken in at once when %s', async (_, arrange) => {
    const all = setUp()
    await arrange(all)
    await all.upgrade()
    expect(all.upgraded).toEqual(['direct'])
  })

  it('is not held up by the signalling of somebody else', async () => {
    const { receive, upgrade, upgraded } = setUp()
    await receive()
    await upgrade(undefined, { toString: () => 'somebody else' })
    expect(upgraded).toEqual(['direct'])
  })

  it('is taken in when patience ends, should the relay have died without a word', async () => {
    const { clock, receive, upgrade, upgraded } = setUp()
    await receive()
    const done = upgrade()
    await clock.advance(INITIATOR_PATIENCE_MS)
    await done
    expect(upgraded).toEqual(['direct'])
  })

  it('waits no longer than the upgrade may take', async () => {
    const { receive, upgrade, upgraded } = setUp()
    await receive()
    const abort = new AbortController()
    const done = upgrade(abort.signal)
    abort.abort()
    await done
    // The upgrader itself says that it is too late.
    expect(upgraded).toEqual(['direct'])
  })
})
