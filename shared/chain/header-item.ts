import * as P from 'micro-packed'
import { MAX_ROSTER_CHANGES_PER_BLOCK } from '../block/block.ts'
import { checked } from '../codec.ts'
import { sealedHeaderCoder } from '../header/header.ts'
import { rosterChangeCoder } from '../transaction/roster-change.ts'

/**
 * A sealed header with the roster change transactions of its block, in their order: all that a light node needs of a
 * block. `header 182 || seal 64 || u8 changes || changes`.
 */
export const headerItemCoder = P.struct({
  sealed: sealedHeaderCoder,
  rosterChanges: checked(P.array(P.U8, rosterChangeCoder), (changes) =>
    changes.length <= MAX_ROSTER_CHANGES_PER_BLOCK ? undefined : `${changes.length} roster changes`,
  ),
})

export type HeaderItem = P.UnwrapCoder<typeof headerItemCoder>
