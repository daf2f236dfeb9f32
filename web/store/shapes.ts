/** Shape checks of what comes out of a browser's database: whatever is not as it was written counts as absent. */
import { formatJoinLink, type JoinLink } from '../../shared/protocol/join-link.ts'
import type {
  DirectoryRecord,
  HeaderChunk,
  IdentityRecord,
  NetworkRecord,
  RestartRecord,
  StoredIncident,
} from './local-store.ts'

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const isHash = (value: unknown): boolean => value instanceof Uint8Array && value.length === 32
const isHeight = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
const isText = (value: unknown): value is string => typeof value === 'string'
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isBytes = (value: unknown): boolean => value instanceof Uint8Array

export function isNetworkRecord(value: unknown): value is NetworkRecord {
  if (!isFields(value) || !isFields(value['checkpoint'])) return false
  const { networkId, name, checkpoint, addresses, start, lastActive } = value as Fields & { checkpoint: Fields }
  return (
    isText(networkId) &&
    /^[0-9a-f]{64}$/.test(networkId) &&
    isText(name) &&
    isHeight(checkpoint['height']) &&
    isHash(checkpoint['hash']) &&
    isTextList(addresses) &&
    isLinkable({ checkpoint, addresses, name } as unknown as Linkable) &&
    (start === undefined || isBytes(start)) &&
    typeof lastActive === 'number'
  )
}

type Linkable = Pick<JoinLink, 'checkpoint' | 'addresses' | 'name'>

/** It came out of a join link: what no link can say was damaged since, and the note of the page has the link itself. */
function isLinkable({ checkpoint, addresses, name }: Linkable): boolean {
  try {
    return formatJoinLink({ version: 1, networkId: new Uint8Array(32), checkpoint, addresses, name }) !== ''
  } catch {
    return false
  }
}

export function isRestartRecord(value: unknown): value is RestartRecord {
  if (!isFields(value)) return false
  const { height, hash, settled, floor, start, items } = value
  return (
    isHeight(height) &&
    isHash(hash) &&
    (settled === undefined || isSettled(settled)) &&
    isHeight(floor) &&
    isBytes(start) &&
    isBytes(items)
  )
}

function isSettled(value: unknown): boolean {
  return isFields(value) && isHeight(value['height']) && isHeight(value['keepersSeen']) && isHeight(value['keepers'])
}

export function isHeaderChunk(value: unknown): value is HeaderChunk {
  return isFields(value) && isHeight(value['first']) && isBytes(value['start']) && isBytes(value['items'])
}

export function isIdentityRecord(value: unknown): value is IdentityRecord {
  if (!isFields(value)) return false
  const { state, deviceId, anchor, label, application, transaction, done, block, failure } = value
  return (
    isText(state) &&
    ['joining', 'pending', 'settled', 'retired'].includes(state) &&
    isHash(deviceId) &&
    isHash(anchor) &&
    typeof label === 'number' &&
    isBytes(application) &&
    (transaction === undefined || isBytes(transaction)) &&
    isTextList(done) &&
    (block === undefined || isHash(block)) &&
    (failure === undefined || (isFields(failure) && isText(failure['code']) && isText(failure['sentence'])))
  )
}

export function isKeyPair(value: unknown): value is CryptoKeyPair {
  const isKey = (key: unknown) => isFields(key) && 'extractable' in key && 'algorithm' in key
  return isFields(value) && isKey(value['privateKey']) && isKey(value['publicKey'])
}

export function isIncident(value: unknown): value is StoredIncident {
  if (!isFields(value)) return false
  const { at, code, sentence, severity } = value
  return (
    typeof at === 'number' &&
    isText(code) &&
    isText(sentence) &&
    ['note', 'warning', 'alarm'].includes(String(severity))
  )
}

export function isDirectoryRecord(value: unknown): value is DirectoryRecord {
  return isFields(value) && isBytes(value['bytes']) && typeof value['importedAt'] === 'number'
}
