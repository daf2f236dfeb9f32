import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as P from 'micro-packed'
import { equalBytes } from '../../shared/bytes.ts'
import { bytes64, checked, createCodec, hash32, u48 } from '../../shared/codec.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, LaresError, type Result, reject } from '../../shared/errors.ts'
import { MAX_DIRECTORY_ENTRIES } from '../../shared/fleet/directory.ts'
import { fleetTextCoder, macCoder } from '../../shared/fleet/fields.ts'
import { sha256, TAGS, tagged } from '../../shared/hash.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { FleetFileCode } from './door.ts'

const FLEET_FILE = 'fleet.bin'
/** Room for a directory as large as may be, with vouchers. */
const MAX_FLEET_FILE_LENGTH = 32 * 1024 * 1024
const SIGNATURE_LENGTH = 64

/** How a device comes in, or came in. */
const entranceCoder = P.mappedTag(P.U8, {
  /** Its key is known: the operator approves it when it comes and signs. */
  expected: [1, P.struct({ walletKey: hash32, recoveryKey: hash32 })],
  /** Whoever holds the voucher. The seed is here so that a lost list can be printed again; it goes when it is used. */
  voucher: [2, P.struct({ voucherKey: hash32, seed: hash32, notAfter: u48, signature: bytes64 })],
  /** The voucher with this key has let it in. */
  claimed: [3, P.struct({ voucherKey: hash32 })],
})

const entryCoder = P.struct({
  serial: fleetTextCoder,
  name: fleetTextCoder,
  model: fleetTextCoder,
  mac: P.optional(P.bool, macCoder),
  vendor: fleetTextCoder,
  entrance: entranceCoder,
})

export type FleetEntry = P.UnwrapCoder<typeof entryCoder>

const fleetCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown fleet version ${version}`)),
  networkId: hash32,
  /** For expected devices whose row names no recovery key. */
  recoveryKey: P.optional(P.bool, hash32),
  /** Sorted by serial. */
  entries: checked(P.array(P.U32BE, entryCoder), (entries) => {
    if (entries.length > MAX_DIRECTORY_ENTRIES) return `${entries.length} devices; at most ${MAX_DIRECTORY_ENTRIES}`
    const sorted = entries.every(
      (entry, i) => i === 0 || compareTexts((entries[i - 1] as FleetEntry).serial, entry.serial) < 0,
    )
    return sorted ? undefined : 'devices are not sorted by serial, or one is there twice'
  }),
  signature: bytes64,
})

const fleetCodec = createCodec('fleet file', MAX_FLEET_FILE_LENGTH, fleetCoder)

/** What the relay keeps of its fleet. */
export interface FleetContent {
  readonly recoveryKey: Uint8Array | undefined
  /** By serial. */
  readonly entries: ReadonlyMap<string, FleetEntry>
}

export interface FleetFileInit {
  readonly dataDir: string
  readonly networkId: Uint8Array
  readonly wallet: Signer
}

/** Order of serials: that of their characters' numbers, whatever the machine's language. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * Empty when there is none yet. A file that was changed, cut, or is another network's is refused, never half read. One by an
 * earlier key of this relay is signed anew.
 */
export async function readFleet(
  init: FleetFileInit & { readonly verifier: SignatureVerifier; readonly earlierKeys?: readonly Uint8Array[] },
): Promise<Result<FleetContent, 'fleet-damaged'>> {
  const path = join(init.dataDir, FLEET_FILE)
  const damaged = (why: string) =>
    reject(
      'fleet-damaged' as const,
      `The list of devices ${path} ${why}; restore it from a backup, or enrol again after moving it away.`,
    )
  let bytes: Uint8Array
  try {
    bytes = Uint8Array.from(readFileSync(path))
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return code === 'ENOENT'
      ? accept({ recoveryKey: undefined, entries: new Map() })
      : damaged(`cannot be read (the system says ${code})`)
  }
  const decoded = fleetCodec.decode(bytes)
  if (!decoded.ok) return damaged('is damaged')
  const { networkId, recoveryKey, entries, signature } = decoded.value
  if (!equalBytes(networkId, init.networkId)) return damaged('belongs to another network')
  const content = { recoveryKey, entries: new Map(entries.map((entry) => [entry.serial, entry])) }
  const isBy = (publicKey: Uint8Array) => init.verifier.verify({ publicKey, message: messageOf(bytes), signature })
  if (await isBy(init.wallet.publicKey)) return accept(content)
  for (const key of init.earlierKeys ?? []) {
    if (!(await isBy(key))) continue
    await writeFleet(init, content)
    return accept(content)
  }
  return damaged('was changed by something else than this relay')
}

/** All of it, or nothing: killed at any instant, the old or the new list is there. */
export async function writeFleet(
  init: FleetFileInit,
  { recoveryKey, entries }: FleetContent,
): Promise<Result<null, FleetFileCode>> {
  const path = join(init.dataDir, FLEET_FILE)
  try {
    const bytes = fleetCodec.encode({
      version: 1,
      networkId: init.networkId,
      recoveryKey,
      entries: [...entries.values()].sort((a, b) => compareTexts(a.serial, b.serial)),
      signature: new Uint8Array(SIGNATURE_LENGTH),
    })
    bytes.set(await init.wallet.sign(messageOf(bytes)), bytes.length - SIGNATURE_LENGTH)
    writeFileAtomic(path, bytes)
    return accept(null)
  } catch (error) {
    if (error instanceof LaresError)
      return reject(
        'fleet-not-written',
        `The list of devices would be too large (${error.message}); nothing was changed.`,
      )
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOSPC' ? 'the disk is full' : `the system says ${code ?? (error as Error).message}`
    return reject(
      'fleet-not-written',
      `The list of devices ${path} could not be written (${why}); nothing was changed.`,
    )
  }
}

function messageOf(bytes: Uint8Array): Uint8Array {
  return tagged(TAGS.fleetFile, sha256(bytes.subarray(0, -SIGNATURE_LENGTH)))
}
