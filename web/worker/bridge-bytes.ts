/** A message whose byte arrays own their memory exactly, and that memory, to be transferred with it. */
export interface Parcel {
  readonly value: unknown
  readonly transfer: ArrayBuffer[]
}

/** A message nests this deep at most (`message.body.init.…`, `view.active.peers[…]`); what lies deeper is cloned as it is. */
const MAX_DEPTH = 6

/**
 * Copies each Uint8Array in the message, and lists the copies for transfer. Copying first keeps the sender's memory
 * usable (libp2p hands out views of shared buffers), and sends a view's own bytes instead of its whole buffer; the
 * transfer then costs nothing. Objects without bytes in them are passed as they are.
 */
export function detachable(message: unknown): Parcel {
  const transfer: ArrayBuffer[] = []
  return { value: copyBytes(message, transfer, MAX_DEPTH), transfer }
}

function copyBytes(value: unknown, transfer: ArrayBuffer[], depth: number): unknown {
  if (value instanceof Uint8Array) {
    const copy = Uint8Array.from(value)
    transfer.push(copy.buffer)
    return copy
  }
  if (depth === 0 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => copyBytes(item, transfer, depth - 1))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyBytes(item, transfer, depth - 1)]))
}
