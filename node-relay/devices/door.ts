import type { Quote } from '../../shared/admission/quote.ts'
import type { Result } from '../../shared/errors.ts'
import type { Quoted } from '../../shared/protocol/join-messages.ts'

/** For how long an asker is willing to wait for news, and who calls it off. */
export interface Patience {
  /** ms; 0: answer at once */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * The small-device profile (PROTOCOL.md section 10): what a sensor with HTTP and Ed25519 asks of a relay. Device IDs come as
 * text or as 64 hex digits. Nothing secret is in any question or answer, and whatever counts is signed, so plain HTTP is
 * good enough for it.
 */
export interface SmallDeviceDoor {
  /**
   * Takes a register transaction without endorsements, endorses it (or has it endorsed) and submits it. Sent again, it gives
   * the present state.
   */
  join(application: Uint8Array): Promise<Result<JoinAnswer>>
  /** An encoded ask: what the join costs, with each endorser that it needs. */
  askJoin(ask: Uint8Array): Promise<Result<readonly JoinQuote[]>>
  /** The same with a certificate as evidence: an encoded certified application. */
  joinCertified(application: Uint8Array): Promise<Result<JoinAnswer>>
  /** What a device with a certificate has to know before it joins. */
  certifiedJoin(): CertifiedJoin
  state(id: string): Result<DeviceStateAnswer>
  /** An encoded lease. */
  renew(id: string, lease: Uint8Array): Promise<Result<LeaseAnswer>>
  /** @param asker address of who asks: its open challenges are counted */
  challenge(id: string, nonce: Uint8Array, asker: string): Result<ChallengeReceipt>
  /** What waits for the device's answer. */
  challenges(id: string, patience: Patience): Promise<Result<OpenChallenges>>
  /** An encoded challenge answer. */
  answer(id: string, answer: Uint8Array): Promise<Result<{ readonly nonce: string }>>
  challengeOutcome(nonce: string, patience: Patience): Promise<Result<ChallengeOutcome>>
  /** The relay's clock, signed with the asker's nonce. */
  time(nonce: string): Promise<Result<TimeAnswer>>
  /** The newest lease of a device that has not ended, by its text form. */
  presence(deviceId: string): Presence | undefined
  /** Devices with a lease that has not ended. */
  countAlive(): number
}

/** `pending`: in a block, or waiting for one. Retired counts once it is settled. */
export type DeviceState = 'not-in-ledger' | 'pending' | 'registered' | 'retired'

export interface JoinAnswer {
  readonly deviceId: string
  readonly state: DeviceState
  /** undefined when the device is in the ledger already */
  readonly transactionId: string | undefined
}

/** A price and the nonce of its puzzle. */
export type JoinQuote = Omit<Quoted, 'quote'> & { readonly quote: Quote }

/** Hashes in hex. */
export interface CertifiedJoin {
  readonly networkId: string
  /** Of the settled block: the certified key signs it, and it is good for some blocks. */
  readonly nonce: string
  /** SHA-256 of the DER of each root that the owners trust. */
  readonly trustRoots: readonly string[]
}

export interface DeviceStateAnswer {
  readonly deviceId: string
  readonly state: DeviceState
  /** Of the last transaction that the device signed, as of the tip: the next one has this plus one. */
  readonly sequence: number | undefined
  readonly walletKey: string | undefined
  /** The relay's clock, ms. */
  readonly time: number
}

export interface LeaseAnswer {
  readonly deviceId: string
  readonly until: number
}

export interface ChallengeReceipt {
  readonly nonce: string
  readonly expires: number
  /** The challenge for a QR code. */
  readonly text: string
}

export interface OpenChallenges {
  /** The relay's clock, ms: good enough for an answer, which the nonce dates. */
  readonly time: number
  readonly challenges: readonly { readonly nonce: string; readonly expires: number }[]
}

export interface ChallengeOutcome {
  readonly deviceId: string
  readonly state: 'waiting' | 'answered'
  readonly expires: number
  /** Encoded challenge answer. */
  readonly answer: Uint8Array | undefined
}

export interface TimeAnswer {
  readonly networkId: string
  /** Of the relay, with the key that signs. */
  readonly relayId: string
  readonly relayKey: string
  readonly time: number
  readonly signature: string
}

/** A device that said it is alive. */
export interface Presence {
  /** When it signed, ms. */
  readonly seen: number
  readonly until: number
}
