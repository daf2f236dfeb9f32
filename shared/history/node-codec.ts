import * as P from 'micro-packed'
import { checked, hash32, u48, u128 } from '../codec.ts'
import type { HistoryNode } from './node.ts'

/** `hash 32 || u128 work || u48 startTime || u48 endTime`: 60 bytes. */
export const historyNodeCoder: P.CoderType<HistoryNode> = checked(
  P.struct({ hash: hash32, work: u128, startTime: u48, endTime: u48 }),
  ({ startTime, endTime }) => (startTime > endTime ? 'history node ends before it starts' : undefined),
)
