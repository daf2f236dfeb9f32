import type {
  DirectoryRecord,
  HeaderChunk,
  IdentityRecord,
  LocalStore,
  NetworkRecord,
  RestartRecord,
  StoredIncident,
} from './local-store.ts'

interface Kept {
  record: NetworkRecord | undefined
  restart: RestartRecord | undefined
  readonly chunks: Map<number, HeaderChunk>
  identity: IdentityRecord | undefined
  wallet: CryptoKeyPair | undefined
  incidents: readonly StoredIncident[]
  directory: DirectoryRecord | undefined
}

/** Keeps everything in maps, copied on the way in and out as a database would: for tests, and where no database opens. */
export function createMemoryStore(): LocalStore {
  const kept = new Map<string, Kept>()
  const of = (networkId: string): Kept => {
    const known = kept.get(networkId)
    if (known !== undefined) return known
    const fresh: Kept = {
      record: undefined,
      restart: undefined,
      chunks: new Map(),
      identity: undefined,
      wallet: undefined,
      incidents: [],
      directory: undefined,
    }
    kept.set(networkId, fresh)
    return fresh
  }

  return {
    async networks() {
      return [...kept.values()].flatMap(({ record }) => (record === undefined ? [] : [structuredClone(record)]))
    },
    async putNetwork(record) {
      of(record.networkId).record = structuredClone(record)
    },
    async removeNetwork(networkId) {
      kept.delete(networkId)
    },
    async readChain(networkId) {
      const { restart, chunks } = of(networkId)
      if (restart === undefined && chunks.size === 0) return undefined
      return structuredClone({ restart, firsts: [...chunks.keys()].sort((a, b) => a - b) })
    },
    async readChunk(networkId, first) {
      return structuredClone(of(networkId).chunks.get(first))
    },
    async writeChain(networkId, { restart, put, remove }) {
      const entry = of(networkId)
      for (const first of remove) entry.chunks.delete(first)
      for (const chunk of put) entry.chunks.set(chunk.first, structuredClone(chunk))
      entry.restart = structuredClone(restart)
    },
    async clearChain(networkId) {
      const entry = of(networkId)
      entry.chunks.clear()
      entry.restart = undefined
    },
    async dropChunks() {
      for (const entry of kept.values()) entry.chunks.clear()
    },
    async readIdentity(networkId) {
      return structuredClone(of(networkId).identity)
    },
    async writeIdentity(networkId, record, wallet) {
      const entry = of(networkId)
      entry.identity = structuredClone(record)
      if (wallet !== undefined) entry.wallet = structuredClone(wallet)
    },
    async readWallet(networkId) {
      return of(networkId).wallet
    },
    async readIncidents(networkId) {
      return structuredClone([...of(networkId).incidents])
    },
    async writeIncidents(networkId, incidents) {
      of(networkId).incidents = structuredClone(incidents)
    },
    async readDirectory(networkId) {
      return structuredClone(of(networkId).directory)
    },
    async writeDirectory(networkId, directory) {
      of(networkId).directory = structuredClone(directory)
    },
    async clearDirectory(networkId) {
      of(networkId).directory = undefined
    },
    close() {},
  }
}
