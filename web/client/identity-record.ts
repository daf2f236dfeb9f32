import { equalBytes, ZERO_HASH } from '../../shared/bytes.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { LABEL } from '../../shared/identity/label.ts'
import type { Register } from '../../shared/transaction/register.ts'
import { type RotateContent, transactionCodec } from '../../shared/transaction/transaction.ts'
import type { IdentityRecord } from '../store/local-store.ts'

export function readRegister(bytes: Uint8Array): Register | undefined {
  const transaction = transactionCodec.decode(bytes)
  return transaction.ok && transaction.value.TAG === 'register' ? transaction.value.data : undefined
}

export function readRotate(bytes: Uint8Array): RotateContent | undefined {
  const transaction = transactionCodec.decode(bytes)
  return transaction.ok && transaction.value.TAG === 'rotate' ? transaction.value.data.rotate : undefined
}

/** The wallet key that was asked for; undefined when it is not known any more. */
export function walletKeyOf({ application }: IdentityRecord): Uint8Array | undefined {
  return readRegister(application)?.claim.walletKey ?? readRotate(application)?.walletKey
}

/** The parts of a record belong together: its ID follows from what was asked for, or stands in it. */
export function isSound(record: IdentityRecord, networkId: Uint8Array): boolean {
  const { application, deviceId, anchor, label } = record
  // Taken up again before: it has nothing to be compared with, and is looked up in the ledger anyway.
  if (application.length === 0) return true
  const rotation = readRotate(application)
  if (rotation !== undefined) return equalBytes(rotation.deviceId, deviceId)
  const claim = readRegister(application)?.claim
  if (claim === undefined || claim.label !== label || !equalBytes(claim.anchor, anchor)) return false
  return equalBytes(deviceIdOf(networkId, claim.walletKey, claim.anchor), deviceId)
}

/** An identity whose record is gone, but not its wallet: the ledger shows the rest. */
export function takenUpAgain(deviceId: Uint8Array): IdentityRecord {
  return {
    state: 'pending',
    deviceId,
    anchor: ZERO_HASH,
    label: LABEL.lightweight,
    application: new Uint8Array(),
    transaction: undefined,
    done: ['verify-voucher', 'endorsement', 'submitted', 'in-block'],
    failure: undefined,
  }
}
