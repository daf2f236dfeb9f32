import * as P from 'micro-packed'
import { createCodec } from '../../shared/codec.ts'
import { sha256 } from '../../shared/hash.ts'
import type { DeviceProfile } from './ports.ts'

/** `u8 version || u8 cores || u8 memory, GiB`: what a phone says of itself when it joins. */
const profileCodec = createCodec('profile', 3, P.struct({ version: P.U8, cores: P.U8, memory: P.U8 }))

/** 32 bytes, for the claim. */
export function hashProfile({ cores, memory }: DeviceProfile): Uint8Array {
  const byte = (value: number) => Math.max(0, Math.min(255, Math.floor(value)))
  return sha256(profileCodec.encode({ version: 1, cores: byte(cores), memory: byte(memory) }))
}
