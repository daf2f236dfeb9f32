import { concatBytes } from '../bytes.ts'
import { accept, type Result } from '../errors.ts'
import { PREVIOUS_PROTOCOLS, type ProtocolName } from './ids.ts'
import { statusCodec, statusCodecV1 } from './messages.ts'
import type { ProtocolSpec } from './transport.ts'

/** The version of a protocol before the newest: requests and answers are turned into each other, where they differ. */
export interface PreviousVersion {
  readonly spec: ProtocolSpec
  /** Somebody's request in the version before, as one of the newest; absent: they are the same. */
  requestFromOld?(request: Uint8Array): Uint8Array
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
  endorseCertified: {
    spec: PREVIOUS_PROTOCOLS.endorseCertified,
    // No list of payments: good for a renewal, which costs nothing.
    requestFromOld: (request) => concatBytes(request, Uint8Array.of(0)),
    toOld: (answer) => answer,
    fromOld: accept,
  },
}

export function previousVersion(protocol: ProtocolName): PreviousVersion | undefined {
  return PREVIOUS[protocol]
}
