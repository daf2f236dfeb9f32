import { u48 } from '../codec.ts'
import { TAGS, tagged } from '../hash.ts'

/**
 * What a relay signs with its wallet key for a device that has no clock. The device's fresh nonce is in it, so nobody on
 * the way can answer with a moment of his choice and keep a lease of the future.
 */
export interface RelayTime {
  readonly networkId: Uint8Array
  /** Of the relay. */
  readonly relayId: Uint8Array
  /** The device's, 32 bytes. */
  readonly nonce: Uint8Array
  /** ms since the Unix epoch */
  readonly time: number
}

export function relayTimeMessage({ networkId, relayId, nonce, time }: RelayTime): Uint8Array {
  return tagged(TAGS.relayTime, networkId, relayId, nonce, u48.encode(time))
}
