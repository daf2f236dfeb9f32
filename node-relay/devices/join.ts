import { certifiedApplicationCodec } from '../../shared/admission/certificate-evidence.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { deviceIdOf, formatDeviceId } from '../../shared/identity/device-id.ts'
import { endorsementMessage, hashApplication, type Register } from '../../shared/transaction/register.ts'
import {
  renewalEndorsementMessage,
  type Transaction,
  type TransactionOf,
  transactionCodec,
} from '../../shared/transaction/transaction.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { DeviceState, JoinAnswer, SmallDeviceDoor } from './door.ts'

/** Registrations that collect endorsements at once; more are told to come again. */
export const MAX_JOINS_UNDER_WAY = 64

const ENDORSED = reject('not-an-application', 'Send it without endorsements; the relay adds them.')

export interface JoinInit {
  readonly chain: FullChain
  endorsements(
    protocol: keyof EndorsingDoor,
    application: Uint8Array,
    message: Uint8Array,
  ): Promise<Result<Register['endorsements']>>
  /** Hex of the transaction's ID. */
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: string }>>
  stateOf(deviceId: Uint8Array): DeviceState
}

/**
 * Lets a device in that speaks HTTP alone: its register transaction comes without endorsements, which the wallet's signature
 * does not cover, and leaves with them. Sent again after a lost answer, it gives the present state instead of "used".
 */
export function createJoinDesk(init: JoinInit): Pick<SmallDeviceDoor, 'join' | 'joinCertified'> {
  const { networkId } = init.chain.rules
  let underWay = 0
  return {
    join: (application) => letIn('endorse', application, application),
    async joinCertified(application) {
      const certified = certifiedApplicationCodec.decode(application)
      if (!certified.ok) return certified
      const transaction = transactionCodec.decode(certified.value.transaction)
      return transaction.ok && transaction.value.TAG === 'evidence'
        ? await renew(application, transaction.value.data)
        : await letIn('endorseCertified', application, certified.value.transaction)
    },
  }

  async function letIn(
    protocol: keyof EndorsingDoor,
    application: Uint8Array,
    bytes: Uint8Array,
  ): Promise<Result<JoinAnswer>> {
    const transaction = transactionCodec.decode(bytes)
    if (!transaction.ok) return transaction
    if (transaction.value.TAG !== 'register')
      return reject('not-an-application', 'Only a registration is taken here; hand others in at /api/v1/transactions.')
    const register = transaction.value.data
    if (register.endorsements.length > 0) return ENDORSED
    const { walletKey, anchor } = register.claim
    const deviceId = deviceIdOf(networkId, walletKey, anchor)
    const state = init.stateOf(deviceId)
    if (state !== 'not-in-ledger')
      return accept({ deviceId: formatDeviceId(networkId, deviceId), state, transactionId: undefined })
    const message = endorsementMessage(networkId, hashApplication(register))
    return await handIn(deviceId, protocol, application, message, (endorsements) => ({
      TAG: 'register',
      data: { ...register, endorsements },
    }))
  }

  async function renew(application: Uint8Array, data: TransactionOf<'evidence'>): Promise<Result<JoinAnswer>> {
    if (data.endorsements.length > 0) return ENDORSED
    const message = renewalEndorsementMessage(networkId, data.renewal)
    return await handIn(data.renewal.deviceId, 'endorseCertified', application, message, (endorsements) => ({
      TAG: 'evidence',
      data: { ...data, endorsements },
    }))
  }

  async function handIn(
    deviceId: Uint8Array,
    protocol: keyof EndorsingDoor,
    application: Uint8Array,
    message: Uint8Array,
    endorsed: (endorsements: Register['endorsements']) => Transaction,
  ): Promise<Result<JoinAnswer>> {
    if (underWay >= MAX_JOINS_UNDER_WAY) return reject('busy', 'Many devices join just now; try again in a moment.')
    underWay++
    try {
      const endorsements = await init.endorsements(protocol, application, message)
      if (!endorsements.ok) return endorsements
      const submitted = await init.submit(transactionCodec.encode(endorsed(endorsements.value)))
      if (!submitted.ok) return submitted
      const known = init.stateOf(deviceId)
      return accept({
        deviceId: formatDeviceId(networkId, deviceId),
        state: known === 'not-in-ledger' ? 'pending' : known,
        transactionId: submitted.value.transactionId,
      })
    } finally {
      underWay--
    }
  }
}
