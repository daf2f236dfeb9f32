import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { createNodeKey } from './relay-network.ts'
import { createWebRtcCertificate, type WebRtcCertificate } from './webrtc-certificate.ts'

const IDENTITY_FILE = 'network.json'

/** What a relay's address is made of: made once and kept, or every printed link would die. */
export interface NetworkIdentity {
  /** libp2p private key, protobuf. */
  readonly privateKey: Uint8Array
  readonly webrtcCertificate: WebRtcCertificate
}

/** @throws {LaresError} `keys-damaged` when the file cannot be read */
export async function loadNetworkIdentity(dataDir: string): Promise<NetworkIdentity> {
  const path = join(dataDir, IDENTITY_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const identity = { privateKey: await createNodeKey(), webrtcCertificate: await createWebRtcCertificate() }
    writeFileAtomic(path, `${JSON.stringify({ version: 1, ...identity, privateKey: toHex(identity.privateKey) })}\n`)
    return identity
  }
  try {
    const file = JSON.parse(text) as { version: number; privateKey: string; webrtcCertificate: WebRtcCertificate }
    if (file.version !== 1) throw new Error(`version ${file.version}`)
    return { privateKey: fromHex(file.privateKey), webrtcCertificate: file.webrtcCertificate }
  } catch (error) {
    throw new LaresError('keys-damaged', `The file ${path} cannot be read; restore it from a backup.`, { cause: error })
  }
}
