/** A full node that lies: an honest one's answers, with one byte altered or something forged in their place. */
import type { Answer } from './honest-node.ts'

export interface Lie {
  /** Protocol ID it lies in; everything else is answered honestly. */
  readonly protocol: string
  /** Makes the lie from the honest answer. */
  readonly forge: (honest: Uint8Array, request: Uint8Array) => Uint8Array | 'reject' | Promise<Uint8Array | 'reject'>
}

export function createLyingNode(honest: Answer, ...lies: readonly Lie[]): Answer {
  return async (protocol, request) => {
    const answer = await honest(protocol, request)
    const lie = lies.find((one) => one.protocol === protocol)
    return lie === undefined || answer === 'reject' ? answer : lie.forge(answer, request)
  }
}

/** Another value at one place, by default every bit flipped. */
export function alterByte(bytes: Uint8Array, position: number, mask = 0xff): Uint8Array {
  if (position >= bytes.length) throw new RangeError(`byte ${position} of ${bytes.length}`)
  const altered = Uint8Array.from(bytes)
  altered[position] = (altered[position] as number) ^ mask
  return altered
}
