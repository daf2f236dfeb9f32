/**
 * The part of a libp2p node that the transport uses, as structural types: `shared` imports no libp2p, and a node of
 * either side fits as it is. Methods (not function properties), so that wider parameter types of libp2p are assignable.
 */
import type { BareSignal, CancelSignal } from '../protocol/transport.ts'

export interface SignalOption {
  signal?: CancelSignal | BareSignal
}

export interface ByteStream extends AsyncIterable<Uint8Array | { subarray(): Uint8Array }> {
  readonly status: string
  /** `closed`: nothing more comes from the other side. */
  readonly remoteWriteStatus?: string
  /** Bytes that came and were not read. */
  readonly readBufferLength?: number
  /** False when the buffer is full: wait for {@link onDrain}. */
  send(data: Uint8Array): boolean
  onDrain(options?: SignalOption): Promise<void>
  close(options?: SignalOption): Promise<void>
  abort(error: Error): void
}

export interface Connection {
  readonly id: string
  readonly remotePeer: { toString(): string }
  readonly remoteAddr: { toString(): string }
  readonly direction: 'inbound' | 'outbound'
  readonly status: string
  readonly timeline: { readonly open: number }
  /** Last ping, milliseconds. */
  readonly rtt?: number
  newStream(protocol: string, options?: SignalOption & { runOnLimitedConnection?: boolean }): Promise<ByteStream>
  close(options?: SignalOption): Promise<void>
  abort(error: Error): void
}

export interface StreamHandlerOptions {
  maxInboundStreams?: number
  maxOutboundStreams?: number
  runOnLimitedConnection?: boolean
}

export interface LibraryNode {
  readonly peerId: { toString(): string }
  getMultiaddrs(): { toString(): string }[]
  getConnections(): Connection[]
  handle(
    protocol: string,
    handler: (stream: ByteStream, connection: Connection) => void | Promise<void>,
    options?: StreamHandlerOptions,
  ): Promise<void>
  addEventListener(
    type: 'connection:open' | 'connection:close',
    listener: (event: { readonly detail: Connection }) => void,
  ): void
}

export interface LibraryGossip {
  readonly topicValidators: {
    set(topic: string, validator: LibraryValidator): unknown
    delete(topic: string): boolean
  }
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<{ readonly recipients: readonly unknown[] }>
}

export type LibraryValidator = (
  from: { toString(): string },
  message: { readonly data: Uint8Array },
  // biome-ignore lint/suspicious/noExplicitAny: gossipsub's verdict is an enum of its own, whose values are the same words
) => any

/** An abort controller, made by the side that has them. */
export interface Abort {
  readonly signal: CancelSignal
  abort(reason: Error): void
}
