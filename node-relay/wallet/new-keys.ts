import type { Signer } from '../../shared/crypto/signer.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { Member } from '../../shared/roster/roster.ts'
import { hashChangeContent, memberMessage, type RosterAction } from '../../shared/transaction/roster-change.ts'
import {
  type DeviceAuthority,
  type RotateContent,
  rotateMessage,
  rotateNewKeyMessage,
  transactionCodec,
} from '../../shared/transaction/transaction.ts'

type RotateKeyAction = Extract<RosterAction, { TAG: 'rotateKey' }>
export type SeatContent = RotateKeyAction['data']['rotate']
/** Of a seat's own keys: the present one, or the recovery key. */
export type SeatAuthority = Exclude<RotateKeyAction['data']['authority'], { TAG: 'owners' }>

/** A wallet key in place of the one in the record; all else stays. */
export function newWalletKey(record: DeviceRecord, walletKey: Uint8Array): RotateContent {
  const { deviceId, sequence, recoveryKey, addresses } = record
  return { deviceId, sequence: sequence + 1, walletKey, recoveryKey, addresses: [...addresses] }
}

/** A sealing key in place of the one of a seat; all else stays. */
export function newSealingKey({ seat, recoveryKey }: Member, sealingKey: Uint8Array): SeatContent {
  return { seat, sealingKey, recoveryKey }
}

/** What the wallet key or the recovery key signs. */
export function walletMessage(networkId: Uint8Array, content: RotateContent): Uint8Array {
  return rotateMessage(networkId, content)
}

/** What the seat's key or its recovery key signs. @param changeNumber of the roster that it makes */
export function seatMessage(networkId: Uint8Array, changeNumber: number, content: SeatContent): Uint8Array {
  const unsigned = rotateKey(content, { TAG: 'member', data: new Uint8Array(64) })
  return memberMessage(networkId, hashChangeContent(changeNumber, unsigned))
}

/** Encoded. @param next has the new key, and proves it */
export async function walletTransaction(
  networkId: Uint8Array,
  content: RotateContent,
  authority: DeviceAuthority,
  next: Signer,
): Promise<Uint8Array> {
  const newKeySignature = await next.sign(rotateNewKeyMessage(networkId, content))
  return transactionCodec.encode({ TAG: 'rotate', data: { rotate: content, authority, newKeySignature } })
}

/** Encoded. @param changeNumber of the roster that it makes */
export function seatTransaction(changeNumber: number, content: SeatContent, authority: SeatAuthority): Uint8Array {
  const data = { changeNumber, action: rotateKey(content, authority) }
  return transactionCodec.encode({ TAG: 'rosterChange', data })
}

function rotateKey(rotate: SeatContent, authority: SeatAuthority): RotateKeyAction {
  return { TAG: 'rotateKey', data: { rotate, authority } }
}
