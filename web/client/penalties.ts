import { PENALTY_LIMIT } from '../../shared/protocol/transport.ts'

/** Drops and bans the peer at once. */
const DROP = PENALTY_LIMIT

/**
 * Points for what a peer did, by the code of the offence. Whatever an honest server never sends and is not in this list
 * costs as much as a lie, since every rule a header or a proof can break is one that its sender has checked before.
 * Slow answers, unknown headers, reorganizations and conflicts cost nothing.
 */
const POINTS: Readonly<Record<string, number>> = {
  // May be an older or newer version of the software: three of them are enough.
  malformed: 40,
  'too-long': 40,
  'bad-status': 40,
  // Newer rules, which this page cannot judge: an honest server goes on sending them until the page is updated.
  'unknown-version': 0,
}

export function pointsFor(code: string): number {
  return POINTS[code] ?? DROP
}
