import { equalBytes, ZERO_HASH } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { ownerAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf, formatDeviceId } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL, STATUS } from '../../shared/identity/label.ts'
import type { StateTree } from '../../shared/state-tree/tree.ts'
import { approvalMessage, type Claim, type Evidence } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { recordOf } from '../full-node/views.ts'
import type { ExpectedAnswer, ExpectedCode } from './door.ts'

/** How long an approval counts. It is signed when the device asks, so it has only to outlast the way into a block. ms */
const APPROVAL_MS = 15 * 60_000
const SIGNATURE_LENGTH = 64

export interface Approver {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  readonly wallet: Signer
  readonly state: StateTree
  /** ms since the Unix epoch */
  readonly now: () => number
}

/**
 * The operator's approval of a device whose public key is known, for the device to sign. Whoever has the private key comes
 * in with it, and nobody else.
 */
export async function approveExpected(
  approver: Approver,
  walletKey: Uint8Array,
  recoveryKey: Uint8Array,
): Promise<Result<ExpectedAnswer, ExpectedCode>> {
  const { networkId, state } = approver
  const anchor = ownerAnchor(walletKey)
  const expectedId = deviceIdOf(networkId, walletKey, anchor)
  if (recordOf(state, expectedId) !== undefined)
    return reject('already-registered', 'This device is in the ledger already.')

  const claim: Claim = {
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    walletKey,
    recoveryKey,
    anchor,
    profile: ZERO_HASH,
    addresses: [],
  }
  const approval = await approveClaim(approver, claim)
  if (!approval.ok) return approval
  const transaction = transactionCodec.encode({
    TAG: 'register',
    data: {
      claim,
      evidence: { TAG: 'approval', data: approval.value },
      endorsements: [],
      walletSignature: new Uint8Array(SIGNATURE_LENGTH),
    },
  })
  // Between the kind's byte and the empty list of endorsements with the signature to come.
  const application = transaction.slice(1, -(1 + SIGNATURE_LENGTH))
  return accept({ deviceId: formatDeviceId(networkId, expectedId), application, notAfter: approval.value.notAfter })
}

/** The operator's approval of a claim. */
export async function approveClaim(
  { networkId, deviceId, wallet, state, now }: Approver,
  claim: Claim,
): Promise<Result<Extract<Evidence, { TAG: 'approval' }>['data'], 'not-ready'>> {
  const own = recordOf(state, deviceId)
  if (own?.status !== STATUS.active || !equalBytes(own.walletKey, wallet.publicKey))
    return reject('not-ready', 'This relay is not in the ledger itself yet; try again in a moment.')
  // No document stands behind it: a hash of what the owner knows of the device could be guessed.
  const approval = { evidence: ZERO_HASH, notAfter: now() + APPROVAL_MS }
  const signature = await wallet.sign(approvalMessage(networkId, claim, approval))
  return accept({ ...approval, issuer: deviceId, signature })
}
