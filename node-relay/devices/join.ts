import { certifiedApplicationCodec } from '../../shared/admission/certificate-evidence.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { deviceIdOf, formatDeviceId } from '../../shared/identity/device-id.ts'
import type { Register } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { DeviceState, JoinAnswer, SmallDeviceDoor } from './door.ts'

/** Registrations that collect endorsements at once; more are told to come again. */
export const MAX_JOINS_UNDER_WAY = 64

export interface JoinInit {
  readonly chain: FullChain
  endorsements(
    protocol: keyof EndorsingDoor,
    application: Uint8Array,
    register: Register,
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
      return certified.ok ? await letIn('endorseCertified', application, certified.value.transaction) : certified
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
    if (register.endorsements.length > 0)
      return reject('not-an-application', 'Send the registration without endorsements; the relay adds them.')
    const { walletKey, anchor } = register.claim
    const deviceId = deviceIdOf(networkId, walletKey, anchor)
    const text = formatDeviceId(networkId, deviceId)
    const state = init.stateOf(deviceId)
    if (state !== 'not-in-ledger') return accept({ deviceId: text, state, transactionId: undefined })
    if (underWay >= MAX_JOINS_UNDER_WAY) return reject('busy', 'Many devices join just now; try again in a moment.')
    underWay++
    try {
      const endorsements = await init.endorsements(protocol, application, register)
      if (!endorsements.ok) return endorsements
      const data = { ...register, endorsements: endorsements.value }
      const submitted = await init.submit(transactionCodec.encode({ TAG: 'register', data }))
      if (!submitted.ok) return submitted
      return accept({ deviceId: text, state: 'pending', transactionId: submitted.value.transactionId })
    } finally {
      underWay--
    }
  }
}
