import { equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { MARK, STATUS } from '../identity/label.ts'
import { duelProofMessage } from '../session/duel-proof.ts'
import { MAX_SESSION_MS, SESSION_CLOCK_TOLERANCE_MS, sessionMessage } from '../session/session-certificate.ts'
import { incidentEndorsementMessage, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { checkEndorsements, type EndorsementCode } from './endorsements.ts'

export type IncidentCode =
  | EndorsementCode
  | 'unknown-device'
  | 'retired'
  | 'incident-known'
  | 'not-an-incident'
  | 'incident-too-old'

/**
 * The wallet key of a device has spoken for two sessions at once, and the one that was present has proven it (DESIGN 5). It
 * costs the device a re-verification and not its trust: the record is marked until its recovery key gives it another wallet
 * key. Under that one the same two statements do not hold, so nobody can bring them back.
 */
export function applyIncident(draft: LedgerDraft, transaction: TransactionOf<'incident'>): Verdict<IncidentCode> {
  const { incident, endorsements } = transaction
  const { claimed, proof } = incident
  const { networkId, time } = draft.block
  const record = draft.device(claimed.deviceId)
  if (record === undefined) return reject('unknown-device', 'the device is not in the ledger')
  if (record.status !== STATUS.active) return reject('retired', 'the device is retired')
  // Nothing is said twice: whoever has a copy of the key could go on for ever.
  if ((record.marks & MARK.contested) !== 0)
    return reject('incident-known', 'the device is to be verified anew already')

  const isOfBoth =
    equalBytes(claimed.networkId, networkId) &&
    equalBytes(proof.networkId, networkId) &&
    equalBytes(proof.deviceId, record.deviceId) &&
    equalBytes(proof.claimantKey, claimed.peerKey)
  if (!isOfBoth) return reject('not-an-incident', 'the proof is not against this claim')
  if (equalBytes(proof.holderKey, claimed.peerKey)) return reject('not-an-incident', 'one session is no second claim')
  // A longer one is nobody's session: every full node refuses it.
  if (claimed.until - claimed.time > MAX_SESSION_MS)
    return reject('not-an-incident', 'the claimed session is longer than a session may be')
  if (proof.time < claimed.time - SESSION_CLOCK_TOLERANCE_MS || proof.time >= claimed.until)
    return reject('not-an-incident', 'the claim and the proof are not of the same time')
  if (Math.abs(time - proof.time) > MAX_SESSION_MS)
    return reject('incident-too-old', 'the proof is more than a day away from this block')

  // The key that the record has now: of one that was replaced, everybody may have a copy.
  const { walletKey: publicKey } = record
  draft.signatures.push(
    { publicKey, message: sessionMessage(claimed), signature: claimed.signature },
    { publicKey, message: duelProofMessage(proof), signature: proof.signature },
  )
  const endorsed = checkEndorsements(draft, endorsements, incidentEndorsementMessage(networkId, incident))
  if (!endorsed.ok) return endorsed
  const marks = record.marks | MARK.contested
  draft.setDevice({ ...record, marks, contestedAt: proof.time, changedHeight: draft.block.height })
  return ACCEPT
}
