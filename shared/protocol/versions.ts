import { accept, type Result } from '../errors.ts'
import { PREVIOUS_PROTOCOLS, type ProtocolName } from './ids.ts'
import { statusCodec, statusCodecV1 } from './messages.ts'
import type { ProtocolSpec } from './transport.ts'

/** The version of a protocol before the newest: the requests are the same, the answers are turned into each other. */
export interface PreviousVersion {
  readonly spec: ProtocolSpec
  /** An own answer, for who asks in the version before. */
  toOld(answer: Uint8Array): Uint8Array
  /** Somebody's answer in the version before, as one of the newest. */
  fromOld(answer: Uint8Array): Result<Uint8Array>
}

const PREVIOUS: Partial<Record<ProtocolName, PreviousVersion>> = {
  status: {
    spec: PREVIOUS_PROTOCOLS.status,
    toOld(answer) {
      const status = statusCodec.decode(answer)
      if (!status.ok) return answer
      const { networkId, label, tip, settledHeight, time } = status.value
      return statusCodecV1.encode({ networkId, label, tip, settledHeight, time })
    },
    fromOld(answer) {
      const status = statusCodecV1.decode(answer)
      if (!status.ok) return status
      return accept(statusCodec.encode({ ...status.value, recovered: 0, sealedTip: undefined }))
    },
  },
}

export function previousVersion(protocol: ProtocolName): PreviousVersion | undefined {
  return PREVIOUS[protocol]
}
