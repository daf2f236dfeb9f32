import { fromHex, toHex } from '../../shared/bytes.ts'
import { formatDeviceId, parseDeviceId } from '../../shared/identity/device-id.ts'
import { formatJoinLink, parseJoinLink } from '../../shared/protocol/join-link.ts'
import type { NetworkRecord } from '../store/local-store.ts'

/** A note that is longer is not read, characters. */
export const MAX_KEEPSAKE_LENGTH = 256 * 1024
/** Networks in a note; more are not read. */
export const MAX_KEPT_NETWORKS = 64

/** What is worth remembering of a network when the database is gone. Nothing in it is secret, nothing is believed. */
export interface Remembered {
  readonly record: NetworkRecord
  /** This device's ID in it. */
  readonly deviceId: Uint8Array | undefined
}

/** A note that the page keeps outside of the database: join links, and the own IDs. */
export function formatKeepsake(networks: readonly NetworkRecord[], ids: ReadonlyMap<string, Uint8Array>): string {
  const lines = networks.slice(0, MAX_KEPT_NETWORKS).map(({ networkId, checkpoint, addresses, name }) => {
    const bytes = fromHex(networkId)
    const id = ids.get(networkId)
    const link = formatJoinLink({ version: 1, networkId: bytes, checkpoint, addresses: [...addresses], name })
    return id === undefined ? link : `${link} ${formatDeviceId(bytes, id)}`
  })
  return lines.join('\n')
}

/** What cannot be read is left out. */
export function readKeepsake(text: string | undefined): Remembered[] {
  if (text === undefined || text.length > MAX_KEEPSAKE_LENGTH) return []
  return text
    .split('\n')
    .slice(0, MAX_KEPT_NETWORKS)
    .flatMap((line) => {
      const [first = '', second = ''] = line.split(' ')
      const parsed = parseJoinLink(first)
      if (!parsed.ok) return []
      const { networkId, checkpoint, addresses, name } = parsed.value.link
      const id = parseDeviceId(second)
      const record = { networkId: toHex(networkId), name, checkpoint, addresses, start: undefined, lastActive: 0 }
      return [{ record, deviceId: id.ok ? id.value.deviceId : undefined }]
    })
}
