/**
 * The typed bridge between the page and its worker: calls with a reply both ways, and events without one.
 *
 * On the wire (structured clone over postMessage):
 * - `{ lares: 'call', id, body }`, answered by `{ lares: 'reply', id, value }` or `{ lares: 'failure', id, code, message }`
 * - `{ lares: 'event', body }`
 */
import { LaresError } from '../../shared/errors.ts'
import { detachable } from './bridge-bytes.ts'
import { CALL_TIMEOUT_MS, MAX_CALLS_UNDER_WAY, REPLY_MARGIN_MS } from './bridge-limits.ts'

/**
 * `bridge-timeout`: no reply in time. `bridge-busy`: too many calls under way, here or there. `bridge-closed`: closed
 * while waiting, or before. `bridge-unsendable`: the message cannot be cloned. `bridge-unknown-call`: the other side has
 * no answer to it (an older page with a newer worker). `bridge-failed`: the other side threw something that was no
 * LaresError; its LaresErrors keep their own code.
 */
export type BridgeErrorCode =
  | 'bridge-timeout'
  | 'bridge-busy'
  | 'bridge-closed'
  | 'bridge-unsendable'
  | 'bridge-unknown-call'
  | 'bridge-failed'

/** What is needed of a Worker, a worker's own global scope, or a MessagePort. */
export interface BridgePort {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  /** A MessagePort is deaf until it is started. */
  start?(): void
}

interface NamedCall {
  readonly call: string
}

/** Reply types by the name of the call. */
type ReplyMap<Call extends NamedCall> = { readonly [Name in Call['call']]: unknown }
type ReplyTo<Replies, Body extends NamedCall> = Body['call'] extends keyof Replies ? Replies[Body['call']] : never

/** One answer for each call, by its name; what it throws becomes the other side's LaresError. */
export type CallHandlers<Incoming extends NamedCall, Replies extends ReplyMap<Incoming>> = {
  readonly [Name in Incoming['call']]: (
    body: Extract<Incoming, { readonly call: Name }>,
  ) => Promise<Replies[Name]> | Replies[Name]
}

export interface BridgeInit<Incoming extends NamedCall, IncomingReplies extends ReplyMap<Incoming>, EventIn> {
  readonly port: BridgePort
  readonly handlers: CallHandlers<Incoming, IncomingReplies>
  readonly onEvent?: (event: EventIn) => void
  /** Calls under way each way; more are refused with `bridge-busy`. */
  readonly maxUnderWay?: number
}

export interface CallOptions {
  /** Milliseconds; without it what {@link CALL_TIMEOUT_MS} says for the call. */
  readonly timeoutMs?: number
}

export interface Bridge<Outgoing extends NamedCall, OutgoingReplies, EventOut> {
  /** Bytes in `body` are copied, then transferred: the caller keeps its own. @throws {LaresError} {@link BridgeErrorCode} */
  call<Body extends Outgoing>(body: Body, options?: CallOptions): Promise<ReplyTo<OutgoingReplies, Body>>
  /** Sends an event; silently dropped once closed. */
  emit(event: EventOut): void
  /** Rejects what is under way with `bridge-closed` and stops listening. The port itself stays with its owner. */
  close(reason?: string): void
  readonly closed: boolean
}

type Message =
  | { readonly lares: 'call'; readonly id: number; readonly body: NamedCall }
  | { readonly lares: 'reply'; readonly id: number; readonly value: unknown }
  | { readonly lares: 'failure'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly lares: 'event'; readonly body: unknown }

interface Waiting {
  resolve(value: unknown): void
  reject(error: LaresError): void
  readonly timer: ReturnType<typeof setTimeout>
}

/** Must be called before the first await of a worker's script: messages that arrive earlier are lost. */
export function createBridge<
  Outgoing extends NamedCall,
  OutgoingReplies extends ReplyMap<Outgoing>,
  Incoming extends NamedCall,
  IncomingReplies extends ReplyMap<Incoming>,
  EventOut = never,
  EventIn = never,
>(init: BridgeInit<Incoming, IncomingReplies, EventIn>): Bridge<Outgoing, OutgoingReplies, EventOut> {
  const { port, handlers, onEvent, maxUnderWay = MAX_CALLS_UNDER_WAY } = init
  const waiting = new Map<number, Waiting>()
  let answering = 0
  let lastId = 0
  let closed = false

  function send(message: Message): void {
    const parcel = detachable(message)
    port.postMessage(parcel.value, parcel.transfer)
  }

  function settle(id: number, outcome: (call: Waiting) => void): void {
    const call = waiting.get(id)
    // A reply after its timeout, or to a bridge that was here before.
    if (call === undefined) return
    waiting.delete(id)
    clearTimeout(call.timer)
    outcome(call)
  }

  async function answer(id: number, body: NamedCall): Promise<void> {
    if (answering >= maxUnderWay) {
      send({ lares: 'failure', id, code: 'bridge-busy', message: `more than ${maxUnderWay} calls are under way` })
      return
    }
    answering += 1
    try {
      if (!Object.hasOwn(handlers, body.call)) throw new LaresError('bridge-unknown-call', `no answer to ${body.call}`)
      const handler = handlers[body.call as Incoming['call']] as (body: NamedCall) => unknown
      const value = await handler(body)
      if (!closed) send({ lares: 'reply', id, value })
    } catch (error) {
      const code = error instanceof LaresError ? error.code : 'bridge-failed'
      if (!closed) send({ lares: 'failure', id, code, message: messageOf(error) })
    } finally {
      answering -= 1
    }
  }

  function receive(event: MessageEvent): void {
    const message = event.data as Message | undefined
    if (typeof message !== 'object' || message === null) return
    if (message.lares === 'call') void answer(message.id, message.body)
    else if (message.lares === 'reply') settle(message.id, (call) => call.resolve(message.value))
    else if (message.lares === 'failure')
      settle(message.id, (call) => call.reject(new LaresError(message.code, message.message)))
    else if (message.lares === 'event') onEvent?.(message.body as EventIn)
  }

  port.addEventListener('message', receive)
  port.start?.()

  return {
    get closed() {
      return closed
    },

    call<Body extends Outgoing>(body: Body, options: CallOptions = {}) {
      if (closed) return Promise.reject(new LaresError('bridge-closed', `${body.call}: the bridge is closed`))
      if (waiting.size >= maxUnderWay)
        return Promise.reject(new LaresError('bridge-busy', `${body.call}: ${maxUnderWay} calls are under way`))
      const timeoutMs = options.timeoutMs ?? defaultTimeout(body)
      lastId += 1
      const id = lastId
      return new Promise<unknown>((resolve, reject) => {
        const late = () => reject(new LaresError('bridge-timeout', `${body.call}: no reply within ${timeoutMs} ms`))
        const timer = setTimeout(() => settle(id, late), timeoutMs)
        waiting.set(id, { resolve, reject, timer })
        try {
          send({ lares: 'call', id, body })
        } catch (error) {
          settle(id, () => reject(new LaresError('bridge-unsendable', `${body.call}: ${messageOf(error)}`)))
        }
      }) as Promise<ReplyTo<OutgoingReplies, Body>>
    },

    emit(event: EventOut) {
      if (!closed) send({ lares: 'event', body: event })
    },

    close(reason = 'the bridge was closed') {
      if (closed) return
      closed = true
      port.removeEventListener('message', receive)
      for (const id of [...waiting.keys()]) settle(id, (call) => call.reject(new LaresError('bridge-closed', reason)))
    },
  }
}

/** A call that names its own time limit (a network request) gets a margin on top, so that the inner limit speaks first. */
function defaultTimeout(body: NamedCall): number {
  if ('timeoutMs' in body && typeof body.timeoutMs === 'number') return body.timeoutMs + REPLY_MARGIN_MS
  const named = CALL_TIMEOUT_MS as Readonly<Record<string, number>>
  return (Object.hasOwn(named, body.call) ? named[body.call] : undefined) ?? CALL_TIMEOUT_MS.other
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
