/** What is said of sessions and presence (DESIGN 5). Times that cross the wire are spans, so that clocks need not agree. */
import * as P from 'micro-packed'
import { createCodec, hash32, u48 } from '../codec.ts'
import { sessionCertificateCoder } from '../session/session-certificate.ts'
import { PAGE_PROTOCOLS, PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** Answer to a session certificate: until when it holds at this node at the latest, or why not. */
export const sessionAnswerCodec = createCodec(
  'session answer',
  PROTOCOLS.session.maxResponse,
  P.mappedTag(P.U8, { opened: [1, P.struct({ until: u48 })], refused: [0, refusalCoder] }),
)

/** The device and its session are those of the connection. */
export const presenceRequestCodec = createCodec(
  'presence request',
  PROTOCOLS.presence.maxRequest,
  P.struct({ networkId: hash32 }),
)

const leaseCoder = P.struct({
  /** It ends after this, ms. */
  lasts: P.U32BE,
  /**
   * Other servers of the device that could not be asked whether another session holds a lease there. They are asked again at
   * each renewal, and until then the lease gives way to one that is found.
   */
  unchecked: P.U8,
})

const waitCoder = P.struct({
  /** ms */
  wait: P.U32BE,
  /** The holder has just proven itself, or did when it was asked; otherwise it has been asked, or its lease has ended. */
  isProven: P.bool,
})

/**
 * What became of a claim. `wait`: another session of the device holds its lease; asked again after that time it may be let
 * in. `full`: this node holds as many leases as it can.
 */
export const presenceAnswerCodec = createCodec(
  'presence answer',
  PROTOCOLS.presence.maxResponse,
  P.mappedTag(P.U8, {
    granted: [1, leaseCoder],
    renewed: [2, leaseCoder],
    moved: [3, leaseCoder],
    wait: [4, waitCoder],
    full: [5, P.struct({})],
    refused: [0, refusalCoder],
  }),
)
export type PresenceAnswer = Extract<ReturnType<typeof presenceAnswerCodec.decode>, { ok: true }>['value']

/**
 * Answer of a full node to another at which a session claims its device for the first time: it knows of no lease, it has let
 * go of that session's own, or that session is to wait.
 */
export const claimAnswerCodec = createCodec(
  'claim answer',
  PROTOCOLS.claim.maxResponse,
  P.mappedTag(P.U8, {
    none: [1, P.struct({})],
    released: [2, P.struct({})],
    wait: [4, waitCoder],
    refused: [0, refusalCoder],
  }),
)
export type ClaimAnswer = Extract<ReturnType<typeof claimAnswerCodec.decode>, { ok: true }>['value']

/** With the certificate of who has claimed, so that the holder sees for itself that its wallet's key was used elsewhere. */
export const provePresenceCodec = createCodec(
  'presence challenge',
  PAGE_PROTOCOLS.provePresence.maxRequest,
  P.struct({ nonce: hash32, claimed: sessionCertificateCoder }),
)
