import type { ByteStream, Connection, LibraryNode } from '../../shared/transport/ports.ts'
import { createFakeConnection } from './network-doubles.ts'

export interface FakeStream extends ByteStream {
  status: string
  remoteWriteStatus: string
  readBufferLength: number
}

/** Both ends of a stream in memory, which keeps what nobody reads, ends and resets as libp2p's do. */
export function createStreamPair(): readonly [FakeStream, FakeStream] {
  const left = createEnd(() => right)
  const right: End = createEnd(() => left)
  return [left.stream, right.stream]
}

interface End {
  readonly stream: FakeStream
  take(bytes: Uint8Array): void
  endOfRemote(): void
  reset(status: string, error: Error): void
}

function createEnd(other: () => End): End {
  const unread: Uint8Array[] = []
  let wake = () => {}
  let failure: Error | undefined
  let isWriteClosed = false

  const stream: FakeStream = {
    status: 'open',
    remoteWriteStatus: 'writable',
    get readBufferLength() {
      return unread.reduce((sum, bytes) => sum + bytes.length, 0)
    },
    send(bytes) {
      if (isWriteClosed || stream.status !== 'open')
        throw new Error(`cannot write to a stream that is ${stream.status}`)
      const copy = bytes.slice()
      queueMicrotask(() => other().take(copy))
      return true
    },
    onDrain: async () => {},
    async close() {
      isWriteClosed = true
      queueMicrotask(() => other().endOfRemote())
      if (stream.remoteWriteStatus === 'closed') stream.status = 'closed'
    },
    abort(error) {
      if (stream.status !== 'open') return
      reset('aborted', error)
      queueMicrotask(() => other().reset('reset', new Error('the stream was reset')))
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const bytes = unread.shift()
        if (bytes !== undefined) yield bytes
        else if (failure !== undefined) throw failure
        else if (stream.remoteWriteStatus === 'closed') return
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    },
  }

  function reset(status: string, error: Error): void {
    if (stream.status !== 'open') return
    stream.status = status
    stream.remoteWriteStatus = 'closed'
    isWriteClosed = true
    failure = error
    wake()
  }

  return {
    stream,
    take(bytes) {
      if (stream.status !== 'open') return
      unread.push(bytes)
      wake()
    },
    endOfRemote() {
      stream.remoteWriteStatus = 'closed'
      wake()
    },
    reset,
  }
}

/** A connection between two nodes in memory: protocols served on one side are opened from the other. */
export function createConnectedNode(peerId: string): {
  /** What serves. */
  readonly node: LibraryNode
  /** As the asker sees it. */
  readonly connection: Connection
  /** The asker's ends of every stream that was opened. */
  readonly opened: FakeStream[]
  /** Opens a stream as another peer. */
  openAs(peerId: string, protocol: string, address?: string): Promise<FakeStream>
} {
  const handlers = new Map<string, Parameters<LibraryNode['handle']>[1]>()
  const opened: FakeStream[] = []
  const inbound = createFakeConnection('asker', '/ip4/192.168.1.9/tcp/1')
  async function openOn(from: Connection, protocol: string): Promise<FakeStream> {
    const handler = handlers.get(protocol)
    if (handler === undefined) throw Object.assign(new Error(`no ${protocol}`), { name: 'UnsupportedProtocolError' })
    const [near, far] = createStreamPair()
    opened.push(near)
    void handler(far, from)
    return near
  }
  const connection: Connection = {
    ...createFakeConnection(peerId, '/ip4/192.168.1.2/tcp/1'),
    newStream: (protocol) => openOn(inbound, protocol),
  }
  const node = {
    async handle(protocol: string, handler: Parameters<LibraryNode['handle']>[1]) {
      handlers.set(protocol, handler)
    },
  }
  return {
    node: node as LibraryNode,
    connection,
    opened,
    openAs: (from, protocol, address = '/ip4/192.168.1.9/tcp/1') =>
      openOn(createFakeConnection(from, address), protocol),
  }
}
