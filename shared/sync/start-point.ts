import * as P from 'micro-packed'
import { type ChainNode, startChain } from '../chain/chain-node.ts'
import { createCodec, u48 } from '../codec.ts'
import type { Result } from '../errors.ts'
import { sealedHeaderCoder } from '../header/header.ts'
import { type MountainRange, mountainRangeCoder } from '../history/mountain-range.ts'
import { rosterCoder } from '../roster/roster.ts'

/** A stored place to go on from: a header with the roster and the history that it commits to. */
const startPointCodec = createCodec(
  'start point',
  64 * 1024,
  P.struct({
    sealed: sealedHeaderCoder,
    previous: P.optional(P.bool, P.struct({ time: u48, target: P.U32BE })),
    roster: rosterCoder,
    /** All headers before it. */
    range: mountainRangeCoder,
  }),
)

/** @param range of all headers before the node */
export function encodeStartPoint({ sealed, previous, roster }: ChainNode, range: MountainRange): Uint8Array {
  return startPointCodec.encode({ sealed, previous, roster, range })
}

/** Roster and history are checked against the header; that it is the right header is the caller's to know. */
export function decodeStartPoint(bytes: Uint8Array): Result<ChainNode> {
  const point = startPointCodec.decode(bytes)
  if (!point.ok) return point
  const { sealed, previous, roster, range } = point.value
  return startChain({ sealed, previous, roster, range })
}
