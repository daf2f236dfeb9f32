import { createCodec } from '../codec.ts'
import { fixedStruct, oneOfField, u8Field, u16Field, u32Field } from '../fixed-struct.ts'
import { sha256 } from '../hash.ts'
import { type CONNECTION, type POWER, type REACHABILITY, UNKNOWN, WHOLE } from './hardware.ts'

type ValueOf<Names extends Readonly<Record<string, number>>> = Names[keyof Names]

/** What decides a label: how long a device stays connected, and its hardware. Whole numbers; 0 where nothing is known. */
export interface DeviceProfile {
  /** Connected for so long, seconds; breaks that {@link Lifetime} forgives do not end it. */
  readonly lifetimeSeconds: number
  /** Share of that time in which it really was connected, thousandths. */
  readonly availability: number
  /** Header hashes (SHA-256d) a second on one core. */
  readonly computeScore: number
  /** Logical processors. */
  readonly cores: number
  /** Free for the network's use, MiB. */
  readonly storageMiB: number
  readonly memoryMiB: number
  readonly reachability: ValueOf<typeof REACHABILITY>
  readonly power: ValueOf<typeof POWER>
  readonly connection: ValueOf<typeof CONNECTION>
}

export const UNKNOWN_PROFILE: DeviceProfile = {
  lifetimeSeconds: 0,
  availability: 0,
  computeScore: 0,
  cores: 0,
  storageMiB: 0,
  memoryMiB: 0,
  reachability: UNKNOWN,
  power: UNKNOWN,
  connection: UNKNOWN,
}

export const PROFILE_VERSION = 2
const PROFILE_LENGTH = 23

/** In the order of {@link DeviceProfile}, big endian, after one byte for the version (PROTOCOL.md section 4). */
export const profileField = fixedStruct({
  version: oneOfField('profile version', u8Field, (version) => version === PROFILE_VERSION),
  lifetimeSeconds: u32Field,
  availability: u16Field,
  computeScore: u32Field,
  cores: u8Field,
  storageMiB: u32Field,
  memoryMiB: u32Field,
  reachability: u8Field,
  power: u8Field,
  connection: u8Field,
})
const profileCodec = createCodec('profile', PROFILE_LENGTH, profileField)

const TOP_OF_U8 = 2 ** 8 - 1
const TOP_OF_U32 = 2 ** 32 - 1

/** What was measured, as whole numbers within their fields: what is not a number is unknown. */
export function profileOf(measured: Partial<DeviceProfile>): DeviceProfile {
  const { reachability, power, connection } = { ...UNKNOWN_PROFILE, ...measured }
  const within = (value: number | undefined, most: number) =>
    value === undefined || !(value > 0) ? 0 : Math.min(most, Math.floor(value))
  return {
    lifetimeSeconds: within(measured.lifetimeSeconds, TOP_OF_U32),
    availability: within(measured.availability, WHOLE),
    computeScore: within(measured.computeScore, TOP_OF_U32),
    cores: within(measured.cores, TOP_OF_U8),
    storageMiB: within(measured.storageMiB, TOP_OF_U32),
    memoryMiB: within(measured.memoryMiB, TOP_OF_U32),
    reachability,
    power,
    connection,
  }
}

/** SHA-256 of the encoded profile, for the claim: 32 bytes. The profile itself stays off the chain. */
export function hashProfile(profile: DeviceProfile): Uint8Array {
  return sha256(profileCodec.encode({ version: PROFILE_VERSION, ...profile }))
}
