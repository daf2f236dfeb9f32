import { ClassicLevel } from 'classic-level'
import { nativeSha256 } from '../../../node-relay/crypto/native-hash.ts'
import { createNodeCache, type NodeCache } from '../../../shared/state-tree/node-cache.ts'
import { encodeReference, type NodeReference } from '../../../shared/state-tree/storage.ts'
import { openStateTree, type StateTree } from '../../../shared/state-tree/tree.ts'

type Level = ClassicLevel<Uint8Array, Uint8Array>

export interface DiskTree {
  readonly tree: StateTree
  /** One version more, in one synced batch, as the relay commits a block. */
  insert(entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): Promise<void>
  close(): Promise<void>
}

/**
 * A state tree on LevelDB as the relay keeps it: node records under version and hash, the stale ones of a version beside
 * it (they are dropped two thousand blocks later), one synced batch a version, the node cache in front.
 */
export async function openDiskTree(directory: string): Promise<DiskTree> {
  const level: Level = new ClassicLevel(directory, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  const cache: NodeCache = createNodeCache({
    storage: { get: (reference) => plain(level.getSync(encodeReference(reference))) },
  })
  let tree = openStateTree({ storage: cache, root: undefined, sha256: nativeSha256 })
  let version = 0
  return {
    get tree() {
      return tree
    },
    async insert(entries) {
      const update = tree.update({ version: ++version, changes: entries })
      const operations = update.created.map(({ reference, record }) => ({
        type: 'put' as const,
        key: encodeReference(reference) as Uint8Array,
        value: record,
      }))
      operations.push({ type: 'put', key: Uint8Array.of(0, version >> 8, version), value: joined(update.stale) })
      await level.batch(operations, { sync: true })
      cache.applied({ remove: [], put: update.created })
      tree = openStateTree({ storage: cache, root: update.reference, sha256: nativeSha256 })
    },
    close: () => level.close(),
  }
}

function plain(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function joined(references: readonly NodeReference[]): Uint8Array {
  return Buffer.concat(references.map(encodeReference))
}
