import type { Result } from '../../shared/errors.ts'

/** Who asks the operator to be let in. */
export interface PairingView {
  /** As people read it. */
  readonly code: string
  /** That it would have. */
  readonly deviceId: string
  /** ms since the Unix epoch */
  readonly askedAt: number
  readonly until: number
  readonly state: 'waiting' | 'approved' | 'refused'
}

/** What the operator does about newcomers that ask to be let in. */
export interface PairingDoor {
  /** The newest last. */
  waiting(): PairingView[]
  /** @param code as it was typed */
  approve(code: string): Promise<Result<{ readonly deviceId: string }>>
  refuse(code: string): Result<{ readonly deviceId: string }>
}
