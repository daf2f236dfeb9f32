import { concatBytes, uintToBytes } from '../bytes.ts'
import { accept, type Result, reject } from '../errors.ts'
import { REFUSED_LENGTH } from '../protocol/transport.ts'

const LENGTH_BYTES = 4

export type FrameCode = 'too-long' | 'malformed' | 'refused'

/** `u32 length || payload`. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  return concatBytes(uintToBytes(payload.length, LENGTH_BYTES), payload)
}

/** A frame that refuses: the reserved length, no payload. */
export const REFUSAL_FRAME = uintToBytes(REFUSED_LENGTH, LENGTH_BYTES)

export interface FrameReader {
  /** Takes the next bytes; returns the payload or what is wrong once that is known, nothing while more is needed. */
  push(chunk: Uint8Array): Result<Uint8Array, FrameCode> | undefined
}

/**
 * Reads exactly one frame. The announced length is checked against the limit before anything is kept, memory grows
 * only with bytes that really came, and bytes after the frame are an error.
 */
export function createFrameReader(maxLength: number): FrameReader {
  const chunks: Uint8Array[] = []
  let held = 0
  let length: number | undefined

  return {
    push(chunk) {
      chunks.push(chunk)
      held += chunk.length
      if (length === undefined) {
        if (held < LENGTH_BYTES) return undefined
        const head = concatBytes(...chunks)
        length = new DataView(head.buffer).getUint32(0)
        chunks.splice(0, chunks.length, head)
        if (length === REFUSED_LENGTH) return reject('refused', 'the peer refused')
        if (length > maxLength) return reject('too-long', `frame of ${length} bytes; at most ${maxLength}`)
      }
      if (held < LENGTH_BYTES + length) return undefined
      if (held > LENGTH_BYTES + length) return reject('malformed', 'bytes after the frame')
      return accept(concatBytes(...chunks).subarray(LENGTH_BYTES))
    },
  }
}
