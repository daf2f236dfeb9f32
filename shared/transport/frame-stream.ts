import type { Result } from '../errors.ts'
import type { CancelSignal, TransportClock } from '../protocol/transport.ts'
import { createFrameReader, type FrameCode } from './frame.ts'
import type { ByteStream } from './ports.ts'

/** Bytes handed to a stream before its back-pressure is looked at. */
const WRITE_CHUNK = 64 * 1024
/** Grace for the close handshake of a stream that has done its work, milliseconds. */
const CLOSE_MS = 5_000

export async function writeBytes(stream: ByteStream, bytes: Uint8Array, signal: CancelSignal): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += WRITE_CHUNK)
    if (!stream.send(bytes.subarray(offset, offset + WRITE_CHUNK))) await stream.onDrain({ signal })
}

/**
 * The next frame; undefined when the stream ended first. Between two frames the stream's own buffer, which is bounded, takes
 * what comes.
 */
export async function readFrame(
  stream: ByteStream,
  maxLength: number,
  onBytes = () => {},
): Promise<Result<Uint8Array, FrameCode> | undefined> {
  const reader = createFrameReader(maxLength)
  for await (const chunk of stream) {
    onBytes()
    const outcome = reader.push(chunk instanceof Uint8Array ? chunk : chunk.subarray())
    if (outcome !== undefined) return outcome
  }
  return undefined
}

export function isOpen(stream: ByteStream): boolean {
  return stream.status === 'open' && stream.remoteWriteStatus !== 'closed'
}

/** Closes a stream that has done its work. */
export function closeQuietly(stream: ByteStream, clock: TransportClock): void {
  const stopTimer = clock.after(CLOSE_MS, () => stream.abort(new Error('close took too long')))
  stream
    .close()
    .catch((error: Error) => stream.abort(error))
    .finally(stopTimer)
}
