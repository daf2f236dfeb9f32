import type { AdmissionStep } from '../../shared/admission/full-admission.ts'
import type { Result } from '../../shared/errors.ts'

/** How this relay's own application stands. JSON-ready; device IDs as text. */
export interface ApplicationView {
  readonly state: 'none' | 'applying' | 'full'
  readonly epochSeconds: number
  /** Votes for the next seat, and how many it takes. */
  readonly votes: number
  readonly votesNeeded: number
  /** What each full node that could be asked has last said. */
  readonly seats: readonly {
    readonly seat: number
    readonly steps: readonly AdmissionStep[]
    readonly hasVoted: boolean
  }[]
  /** What was last said against it by a full node that does not look at it. */
  readonly refused: { readonly code: string; readonly detail: string } | undefined
}

/** An applicant as this relay sees it. */
export interface ApplicantRow {
  readonly deviceId: string
  readonly steps: readonly AdmissionStep[]
  readonly isVouchedHere: boolean
  readonly isAdmissible: boolean
}

/** Admin only: `lares full`. */
export interface FullAdmissionDoor {
  /** Applies for a seat, until it has one or leaves off. */
  apply(): Result<null>
  view(): ApplicationView
  /** Says for this relay's operator that a device may become a full node. */
  vouch(idText: string): Result<null>
  applicants(): readonly ApplicantRow[]
  /** Gives the own seat back. */
  leave(): Promise<Result<null>>
}
