import { PENALTY_POINTS } from './penalty-points.ts'
import { PENALTY_LIMIT } from './transport.ts'

/** Drops and bans the peer at once. */
const DROP = PENALTY_LIMIT

/** Every rule that a header, a block or a proof can break is one that its sender has checked before: to break it is to lie. */
export const LIES: readonly string[] = [
  // Headers and their roster changes.
  ...['wrong-version', 'wrong-height', 'wrong-parent', 'time-not-rising', 'wrong-target', 'wrong-history-root'],
  ...['not-a-keeper', 'not-enough-work', 'bad-seal', 'wrong-roster-root', 'wrong-recovery', 'wrong-change-number'],
  ...['wrong-seat', 'already-a-member', 'roster-full', 'last-seat', 'not-equivocation', 'evidence-too-old'],
  ...['key-in-use', 'too-many-seats', 'recovery-too-old', 'not-enough-owners', 'unknown-owner', 'not-enough-votes'],
  ...['not-a-member', 'vote-expired', 'not-a-recovery'],
  // Where a chain begins, and proofs under a header.
  ...['wrong-genesis', 'wrong-checkpoint', 'wrong-root', 'wrong-length', 'path-length', 'path-order'],
  ...['terminal-not-absent', 'terminal-off-path', 'index-out-of-range', 'time-order', 'work-overflow', 'wrong-record'],
  ...['another-device', 'unknown-network', 'not-settled'],
  // Blocks: charged to who gave their headers, and so has executed them.
  ...['foreign-body', 'wrong-transaction-root', 'wrong-state-root', 'bad-signature', 'too-many-transactions'],
  ...[
    'too-many-roster-changes',
    'addresses-not-allowed',
    'already-registered',
    'not-certified',
    'anchor-live',
    'coordination-set-full',
  ],
  ...['evidence-expired', 'holds-a-role', 'issuer-has-no-right', 'label-not-open', 'not-a-coordination-node'],
  ...['not-enough-endorsements', 'policy-out-of-range', 'quota-exceeded', 'recovery-key-needed', 'retired'],
  ...[
    'rules-out-of-range',
    'unknown-device',
    'unknown-issuer',
    'untrusted-root',
    'voucher-expired',
    'voucher-for-another-label',
  ],
  ...['incident-known', 'not-an-incident', 'incident-too-old'],
  ...['voucher-too-long', 'voucher-used', 'wrong-anchor', 'wrong-assurance', 'wrong-sequence'],
]

/**
 * The one place that says what an offence costs, by its code; {@link LIES} cost all. Slow answers, unknown headers, headers ahead of the clock,
 * reorganizations and conflicts have no code and cost nothing. Points become disconnects and bans in
 * transport/penalties.ts.
 */
export const OFFENCE_POINTS: Readonly<Record<string, number>> = {
  ...PENALTY_POINTS,
  // May be an older or newer version of the software: three of them are enough.
  malformed: 40,
  'too-long': 40,
  'bad-status': 40,
  /** Asked for evidence by its hash, it showed another. */
  'wrong-evidence': DROP,
  /** A block whose transactions never come, after many of them. */
  'announced-in-vain': 20,
  // Newer rules, which cannot be judged here: an honest server goes on sending them until this software is updated.
  'unknown-version': 0,
  // By owners that this node does not know: it is not followed, and who passes it on may know others.
  'not-by-the-owners': 0,
  // What this node lacks itself.
  'block-missing': 0,
  'state-missing': 0,
}

/** Points for what a peer said. All of {@link LIES} drop it, and a code that nobody has thought of is no reason to trust it. */
export function pointsFor(code: string): number {
  return Object.hasOwn(OFFENCE_POINTS, code) ? (OFFENCE_POINTS[code] as number) : DROP
}
