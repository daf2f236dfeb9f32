import type { Result } from '../errors.ts'
import type { ProtocolName } from '../protocol/ids.ts'

/** The servers that a light node is connected to, and questions to them. */
export interface Asking {
  all(): readonly { readonly peerId: string }[]
  /** Whom to ask, the best first. */
  inOrder(): readonly string[]
  /** Never throws; the answer is not checked. */
  ask(peerId: string, protocol: ProtocolName, bytes: Uint8Array): Promise<Result<Uint8Array>>
  /** It has not answered for a while: until it does, others are asked first. */
  late(peerId: string): void
}
