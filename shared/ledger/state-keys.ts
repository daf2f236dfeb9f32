import { concatBytes, EMPTY_BYTES, uintToBytes } from '../bytes.ts'
import { TAGS, taggedHash } from '../hash.ts'

/** First byte of a state key: what kind of record lies there. */
export const STATE_TYPE = { device: 1, anchor: 2, coordinationSet: 3, policy: 4, epoch: 5, seat: 6 } as const

/** Key in the state tree: type byte, then the first 31 bytes of H(tag, type, id). 32 bytes. */
function stateKey(type: number, id: Uint8Array): Uint8Array {
  const typeByte = Uint8Array.of(type)
  return concatBytes(typeByte, taggedHash(TAGS.stateKey, typeByte, id).subarray(0, 31))
}

export function deviceKey(deviceId: Uint8Array): Uint8Array {
  return stateKey(STATE_TYPE.device, deviceId)
}

export function anchorKey(anchor: Uint8Array): Uint8Array {
  return stateKey(STATE_TYPE.anchor, anchor)
}

export function seatKey(seat: number): Uint8Array {
  return stateKey(STATE_TYPE.seat, uintToBytes(seat, 2))
}

export const COORDINATION_SET_KEY = stateKey(STATE_TYPE.coordinationSet, EMPTY_BYTES)
export const POLICY_KEY = stateKey(STATE_TYPE.policy, EMPTY_BYTES)
export const EPOCH_KEY = stateKey(STATE_TYPE.epoch, EMPTY_BYTES)
