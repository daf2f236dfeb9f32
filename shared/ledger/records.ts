import * as P from 'micro-packed'
import { compareBytes } from '../bytes.ts'
import { checked, createCodec, hash32, u48 } from '../codec.ts'

export const MAX_COORDINATION_NODES = 64

/** The coordination nodes, sorted by device ID. */
const coordinationSetCoder = P.struct({
  /** Counts the changes. */
  number: P.U32BE,
  members: checked(
    P.array(P.U8, P.struct({ deviceId: hash32, /** who let it in */ sponsor: hash32, sinceHeight: P.U32BE })),
    (members) => {
      if (members.length > MAX_COORDINATION_NODES)
        return `${members.length} coordination nodes; at most ${MAX_COORDINATION_NODES}`
      const sorted = members.every(
        (one, i) => i === 0 || compareBytes((members[i - 1] as typeof one).deviceId, one.deviceId) < 0,
      )
      return sorted ? undefined : 'coordination nodes are not sorted, or one is there twice'
    },
  ),
})

export type CoordinationSet = P.UnwrapCoder<typeof coordinationSetCoder>

export const coordinationSetCodec = createCodec<CoordinationSet>('coordination set', 8192, coordinationSetCoder)

/** The current epoch: the paper's time slot. */
const epochCoder = P.struct({ number: P.U32BE, startHeight: P.U32BE, startTime: u48 })

export type Epoch = P.UnwrapCoder<typeof epochCoder>

export const epochCodec = createCodec<Epoch>('epoch', 16, epochCoder)

/** How often the keys of a seat have replaced each other, in the last epoch in which they did. */
const seatCoder = P.struct({ epoch: P.U32BE, rotations: P.U16BE })

export type SeatRecord = P.UnwrapCoder<typeof seatCoder>

export const seatCodec = createCodec<SeatRecord>('seat record', 8, seatCoder)
