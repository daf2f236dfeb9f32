import { afterEach, describe, expect, it, vi } from 'vitest'
import { LaresError } from '../../../shared/errors.ts'
import { type Bridge, type BridgePort, type CallHandlers, createBridge } from '../../../web/worker/bridge.ts'

type Ask =
  | { readonly call: 'double'; readonly value: number }
  | { readonly call: 'reverse'; readonly bytes: Uint8Array }
  | { readonly call: 'never'; readonly timeoutMs?: number }
  | { readonly call: 'coded' }
  | { readonly call: 'plain' }
type AskReplies = { double: number; reverse: { bytes: Uint8Array }; never: null; coded: null; plain: null }
type Back = { readonly call: 'name' }
type BackReplies = { name: string }
interface Tick {
  readonly event: 'tick'
  readonly count: number
}

const answers: CallHandlers<Ask, AskReplies> = {
  double: ({ value }) => value * 2,
  reverse: ({ bytes }) => ({ bytes: bytes.toReversed() }),
  never: () => new Promise(() => {}),
  coded: async () => {
    throw new LaresError('peer-gone', 'it left')
  },
  plain: () => {
    throw new TypeError('not a coded error')
  },
}

const open: { close(): void }[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const thing of open.splice(0)) thing.close()
})

function pair(options: { max?: number; events?: (tick: Tick) => void; name?: () => Promise<string> } = {}): {
  asker: Bridge<Ask, AskReplies, never>
  answerer: Bridge<Back, BackReplies, Tick>
} {
  const { port1, port2 } = new MessageChannel()
  const limit = options.max === undefined ? {} : { maxUnderWay: options.max }
  const name = options.name ?? (async () => 'asker')
  const asker = createBridge<Ask, AskReplies, Back, BackReplies, never, Tick>({
    port: port1 as unknown as BridgePort,
    handlers: { name },
    ...(options.events === undefined ? {} : { onEvent: options.events }),
    ...limit,
  })
  const answerer = createBridge<Back, BackReplies, Ask, AskReplies, Tick>({
    port: port2 as unknown as BridgePort,
    handlers: answers,
  })
  open.push(asker, answerer, port1, port2)
  return { asker, answerer }
}

describe('bridge', () => {
  it('answers calls both ways over one channel', async () => {
    const { asker, answerer } = pair()
    const [double, name] = await Promise.all([
      asker.call({ call: 'double', value: 21 }),
      answerer.call({ call: 'name' }),
    ])
    expect(double).toBe(42)
    expect(name).toBe('asker')
  })

  it('matches replies to calls whatever the order', async () => {
    const { asker } = pair()
    const values = Array.from({ length: 100 }, (_, value) => value)
    const replies = await Promise.all(values.map((value) => asker.call({ call: 'double', value })))
    expect(replies).toEqual(values.map((value) => value * 2))
  })

  it('sends the bytes of a view only, and leaves the sender its memory', async () => {
    const { asker } = pair()
    const whole = Uint8Array.from({ length: 1_000 }, (_, index) => index & 0xff)
    const reply = await asker.call({ call: 'reverse', bytes: whole.subarray(10, 13) })
    expect([...reply.bytes]).toEqual([12, 11, 10])
    expect(reply.bytes.buffer.byteLength).toBe(3)
    expect(whole.length).toBe(1_000)
    expect(whole[11]).toBe(11)
  })

  it('carries events', async () => {
    const ticks: number[] = []
    const { asker, answerer } = pair({ events: (tick) => ticks.push(tick.count) })
    answerer.emit({ event: 'tick', count: 1 })
    answerer.emit({ event: 'tick', count: 2 })
    // Messages of one port arrive in order: once this reply is here, so are the events.
    await asker.call({ call: 'double', value: 0 })
    expect(ticks).toEqual([1, 2])
  })

  it('keeps the code of a LaresError, and codes any other', async () => {
    const { asker } = pair()
    await expect(asker.call({ call: 'coded' })).rejects.toMatchObject({ code: 'peer-gone', message: 'it left' })
    await expect(asker.call({ call: 'plain' })).rejects.toMatchObject({ code: 'bridge-failed' })
    await expect(asker.call({ call: 'coded' })).rejects.toBeInstanceOf(LaresError)
  })

  it('gives up after its timeout and frees the place', async () => {
    const { asker } = pair({ max: 1 })
    await expect(asker.call({ call: 'never' }, { timeoutMs: 5 })).rejects.toMatchObject({ code: 'bridge-timeout' })
    await expect(asker.call({ call: 'double', value: 2 })).resolves.toBe(4)
  })

  it("adds a margin to the call's own time limit", async () => {
    vi.useFakeTimers()
    const { asker } = pair()
    let outcome = 'waiting'
    const call = asker.call({ call: 'never', timeoutMs: 1_000 }).catch((error: LaresError) => {
      outcome = error.code
    })
    vi.advanceTimersByTime(2_999)
    await Promise.resolve()
    expect(outcome).toBe('waiting')
    vi.advanceTimersByTime(1)
    await call
    expect(outcome).toBe('bridge-timeout')
  })

  it('refuses more calls than its bound, in its own queue', async () => {
    const { asker } = pair({ max: 2 })
    const first = asker.call({ call: 'never' })
    const second = asker.call({ call: 'never' })
    await expect(asker.call({ call: 'double', value: 1 })).rejects.toMatchObject({ code: 'bridge-busy' })
    asker.close()
    await Promise.allSettled([first, second])
  })

  it('refuses more calls than its bound, from the other side', async () => {
    let release = (_name: string) => {}
    const slow = new Promise<string>((resolve) => {
      release = resolve
    })
    const { answerer } = pair({ max: 1, name: () => slow })
    const first = answerer.call({ call: 'name' })
    await expect(answerer.call({ call: 'name' })).rejects.toMatchObject({ code: 'bridge-busy' })
    release('late')
    await expect(first).resolves.toBe('late')
  })

  it('rejects what is under way when closed, and everything after', async () => {
    const { asker } = pair()
    const under = asker.call({ call: 'never' })
    asker.close('the worker stopped')
    await expect(under).rejects.toMatchObject({ code: 'bridge-closed', message: 'the worker stopped' })
    await expect(asker.call({ call: 'double', value: 1 })).rejects.toMatchObject({ code: 'bridge-closed' })
    expect(asker.closed).toBe(true)
  })

  it('says so when a message cannot be cloned', async () => {
    const { asker } = pair()
    const value = (() => 1) as unknown as number
    await expect(asker.call({ call: 'double', value })).rejects.toMatchObject({ code: 'bridge-unsendable' })
  })

  it('refuses a call that the other side does not know', async () => {
    const { asker } = pair()
    const unknown = { call: 'toString' } as unknown as Ask
    await expect(asker.call(unknown)).rejects.toMatchObject({ code: 'bridge-unknown-call' })
  })

  it('ignores messages that are not its own', async () => {
    const { port1, port2 } = new MessageChannel()
    const bridge = createBridge<Ask, AskReplies, Back, BackReplies>({
      port: port1 as unknown as BridgePort,
      handlers: { name: () => 'x' },
    })
    open.push(bridge, port1, port2)
    for (const foreign of [null, 7, 'text', {}, { lares: 'reply', id: 99, value: 1 }, { lares: 'other' }])
      port2.postMessage(foreign)
    const answered = new Promise((resolve) => {
      port2.addEventListener('message', (event) => resolve(event.data))
      port2.start()
    })
    port2.postMessage({ lares: 'call', id: 1, body: { call: 'name' } })
    await expect(answered).resolves.toEqual({ lares: 'reply', id: 1, value: 'x' })
  })
})
