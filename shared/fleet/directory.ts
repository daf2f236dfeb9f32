import * as P from 'micro-packed'
import { compareBytes, equalBytes } from '../bytes.ts'
import { bytes64, checked, createCodec, type DecodeCode, hash32, u48 } from '../codec.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import type { Signer } from '../crypto/signer.ts'
import { accept, type Result, reject } from '../errors.ts'
import { sha256, TAGS, tagged } from '../hash.ts'
import { LABEL, STATUS } from '../identity/label.ts'
import type { DeviceRecord } from '../identity/record.ts'
import { fleetTextCoder, macCoder } from './fields.ts'

/** Devices of one directory. */
export const MAX_DIRECTORY_ENTRIES = 50_000
/** Bytes of a directory: three hundred a device, and few need more than a hundred. */
export const MAX_DIRECTORY_LENGTH = 16 * 1024 * 1024
const SIGNATURE_LENGTH = 64

/** What the owner calls a device. Never on chain. */
const entryCoder = P.struct({
  deviceId: hash32,
  name: fleetTextCoder,
  /** Empty when it is not said, like the vendor. */
  model: fleetTextCoder,
  serial: fleetTextCoder,
  mac: P.optional(P.bool, macCoder),
  /** Of the MAC address, from the registry of the IEEE at the time of enrolment. */
  vendor: fleetTextCoder,
})

export type DirectoryEntry = P.UnwrapCoder<typeof entryCoder>

/**
 * The owner's private directory as it is handed to a technician:
 * `u8 version || networkId 32 || signer 32 || u48 madeAt || list32<entry> sorted by device ID || signature 64`
 */
const directoryCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown directory version ${version}`)),
  networkId: hash32,
  /** Device ID of the full or coordination node that made it. */
  signer: hash32,
  /** ms since the Unix epoch */
  madeAt: u48,
  entries: checked(P.array(P.U32BE, entryCoder), (entries) => {
    if (entries.length > MAX_DIRECTORY_ENTRIES) return `${entries.length} devices; at most ${MAX_DIRECTORY_ENTRIES}`
    const sorted = entries.every(
      (entry, i) => i === 0 || compareBytes((entries[i - 1] as DirectoryEntry).deviceId, entry.deviceId) < 0,
    )
    return sorted ? undefined : 'devices are not sorted, or one is there twice'
  }),
  /** By the signer's wallet key over the directory message of all bytes before it. */
  signature: bytes64,
})

export type Directory = P.UnwrapCoder<typeof directoryCoder>

const directoryCodec = createCodec<Directory>('directory', MAX_DIRECTORY_LENGTH, directoryCoder)

/** Sorts the entries, signs and encodes. @throws {LaresError} `unencodable` when it would be too large */
export async function signDirectory(
  content: Omit<Directory, 'version' | 'signature'>,
  wallet: Signer,
): Promise<Uint8Array> {
  const entries = content.entries.toSorted((a, b) => compareBytes(a.deviceId, b.deviceId))
  const bytes = directoryCodec.encode({
    ...content,
    entries,
    version: 1,
    signature: new Uint8Array(SIGNATURE_LENGTH),
  })
  bytes.set(await wallet.sign(messageOf(bytes)), bytes.length - SIGNATURE_LENGTH)
  return bytes
}

/** Reads the bytes of a directory; whether its signature holds is another question. Never throws. */
export function decodeDirectory(bytes: Uint8Array): Result<Directory, DecodeCode> {
  return directoryCodec.decode(bytes)
}

/**
 * Whether a directory counts in a network, given the ledger's record of its signer: an active full or coordination node.
 * @param bytes of the directory, as decoded
 * @param record of the device that the directory names as its signer; undefined when the ledger has none
 * @returns the signature that must hold
 */
export function checkDirectory(
  bytes: Uint8Array,
  directory: Directory,
  networkId: Uint8Array,
  record: DeviceRecord | undefined,
): Result<SignatureCheck, 'wrong-network' | 'unknown-signer' | 'signer-has-no-right'> {
  if (!equalBytes(directory.networkId, networkId)) return reject('wrong-network', 'the directory is of another network')
  if (record === undefined || !equalBytes(record.deviceId, directory.signer) || record.status !== STATUS.active)
    return reject('unknown-signer', 'who signed the directory is not an active device')
  if ((record.label & (LABEL.full | LABEL.coordination)) === 0)
    return reject('signer-has-no-right', 'who signed the directory is neither a full nor a coordination node')
  return accept({ publicKey: record.walletKey, message: messageOf(bytes), signature: directory.signature })
}

function messageOf(bytes: Uint8Array): Uint8Array {
  return tagged(TAGS.directory, sha256(bytes.subarray(0, -SIGNATURE_LENGTH)))
}
