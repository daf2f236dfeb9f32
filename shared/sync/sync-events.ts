import type { ChainNode } from '../chain/chain-node.ts'
import type { InsertOutcome } from '../chain/fork-graph.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import type { Result } from '../errors.ts'

/** `asleep`: servers answer, but no block comes. */
export type SyncPhase = 'connecting' | 'syncing' | 'following' | 'asleep' | 'offline'

/** What happens to a node that follows a chain. */
export type SyncEvent =
  | { readonly type: 'peer-connected'; readonly peer: string }
  | { readonly type: 'peer-gone'; readonly peer: string }
  /** Answer to a request action: the bytes, or why there are none. */
  | { readonly type: 'answer'; readonly id: number; readonly result: Result<Uint8Array> }
  /** Answer to a verify action, one verdict per signature. */
  | { readonly type: 'verified'; readonly id: number; readonly verdicts: readonly boolean[] }
  | { readonly type: 'gossip'; readonly gossipId: number; readonly peer: string; readonly bytes: Uint8Array }
  /** From time to time, and after the page woke up. */
  | { readonly type: 'tick' }

/** What it wants done. */
export type SyncAction =
  | {
      readonly type: 'request'
      readonly id: number
      readonly peer: string
      readonly protocol: 'status' | 'headers'
      readonly bytes: Uint8Array
    }
  | { readonly type: 'verify'; readonly id: number; readonly signatures: readonly SignatureCheck[] }
  | { readonly type: 'gossip-verdict'; readonly gossipId: number; readonly verdict: 'accept' | 'ignore' | 'reject' }
  /** The best chain changed. */
  | {
      readonly type: 'chain'
      readonly outcome: Extract<InsertOutcome, { kind: 'extension' | 'reorganization' }>
      readonly from: string
    }
  /** A heavier branch would roll back a settled header, and was not followed. */
  | { readonly type: 'conflict'; readonly node: ChainNode; readonly from: string }
  /** A peer sent what an honest one never sends. */
  | { readonly type: 'offence'; readonly peer: string; readonly code: string; readonly detail: string }
