import type { PENALTY_POINTS } from '../protocol/penalty-points.ts'
import type {
  CancelSignal,
  ProtocolShape,
  ProtocolSpec,
  RequestHandler,
  TransportClock,
} from '../protocol/transport.ts'
import type { Abort, Connection, LibraryNode } from './ports.ts'

export interface RequestComponents {
  clock: TransportClock
  createAbort(): Abort
  charge(peerId: string, code: keyof typeof PENALTY_POINTS): void
  log(message: string, error?: unknown): void
}

export interface Requests {
  serve(node: LibraryNode, spec: ProtocolSpec, handler: RequestHandler): Promise<void>
  /** @throws {LaresError} {@link TransportErrorCode} */
  ask(connection: Connection, spec: ProtocolShape, request: Uint8Array, outer?: CancelSignal): Promise<Uint8Array>
}
