import type { Result } from '../../shared/errors.ts'

/** Roster and coordination set for people and the command line. JSON-ready; hashes and keys in hex, device IDs as text. */
export interface RosterView {
  readonly networkId: string
  /** Of a node without blocks: it cannot say which devices have the seats. */
  readonly isLight: boolean
  readonly height: number
  /** Of the present roster; the next change makes one more. */
  readonly changeNumber: number
  /** Votes that a motion needs. */
  readonly votesNeeded: number
  readonly owners: { readonly threshold: number; readonly keys: readonly string[] }
  readonly seats: readonly {
    readonly seat: number
    /** undefined: it never registered, or {@link isLight}. */
    readonly deviceId: string | undefined
    readonly isOwn: boolean
    /** Where its record says that it is. */
    readonly addresses: readonly string[]
    /** Of the last hundred blocks. */
    readonly sealed: number
  }[]
  readonly coordination: readonly string[]
  readonly own: {
    readonly deviceId: string | undefined
    readonly seat: number | undefined
    readonly coordinates: boolean
  }
}

export interface RosterDesk {
  view(): RosterView | Promise<RosterView>
  /** Registers this relay's wallet as a device. @param recoveryKey public half of the words that the command line made, hex */
  register(voucher: string, recoveryKey: string): Promise<Result<null>>
  /** A seat or a place in the coordination set for this node, or the end of another one's. Text of a motion. */
  propose(remove?: Removal): Result<string> | Promise<Result<string>>
  /** This relay's vote, as text. */
  vote(motion: string): Promise<Result<string>>
  /** With the owners' signatures on each item, or with votes as text. */
  submit(motion: string, approval: SubmittedApproval): Promise<Result<null>>
}

/** What is to end: a seat, with the place in the coordination set of its relay, or that of a node without a seat. */
export type Removal = { readonly seat: number } | { readonly deviceId: string }

export type SubmittedApproval =
  | { readonly votes: readonly string[] }
  | { readonly owners: readonly (readonly { readonly owner: number; readonly signature: string }[])[] }
