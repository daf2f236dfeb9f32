import { equalBytes } from '../../shared/bytes.ts'
import type { Codec } from '../../shared/codec.ts'
import { PROTOCOLS, type ProtocolName } from '../../shared/protocol/ids.ts'
import type { PeerNetwork, RequestHandler } from '../../shared/protocol/transport.ts'
import { previousVersion } from '../../shared/protocol/versions.ts'

/** How the protocols of one network are answered. */
export interface Requests {
  /** In the newest version, and in the one before where there is one. */
  handle(protocol: ProtocolName, handler: RequestHandler): Promise<void>
  /** undefined: it does not decode, or is for another network. It is refused then, and charged to its sender. */
  open<Value extends { networkId: Uint8Array }>(codec: Codec<Value>, bytes: Uint8Array): Value | undefined
}

export function openRequests(network: Pick<PeerNetwork, 'handle'>, networkId: Uint8Array): Requests {
  return {
    open(codec, bytes) {
      const request = codec.decode(bytes)
      return request.ok && equalBytes(request.value.networkId, networkId) ? request.value : undefined
    },
    async handle(protocol, handler) {
      await network.handle(PROTOCOLS[protocol], handler)
      const previous = previousVersion(protocol)
      if (previous === undefined) return
      await network.handle(previous.spec, async (from, request, ...rest) => {
        const answer = await handler(from, previous.requestFromOld?.(request) ?? request, ...rest)
        return answer === 'reject' ? answer : previous.toOld(answer)
      })
    },
  }
}
