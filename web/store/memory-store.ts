import type {
  ChainTip,
  DirectoryRecord,
  HeaderChunk,
  IdentityRecord,
  LocalStore,
  NetworkRecord,
  StoredIncident,
} from './local-store.ts'

interface Kept {
  record: NetworkRecord | undefined
  tip: ChainTip | undefined
  readonly chunks: Map<number, HeaderChunk>
  identity: IdentityRecord | undefined
  wallet: CryptoKeyPair | undefined
  incidents: readonly StoredIncident[]
  directory: DirectoryRecord | undefined
}

/** Keeps everything in maps, copied on the way in and out as a database would: for tests. */
export function createMemoryStore(): LocalStore {
  const kept = new Map<string, Kept>()
  const of = (networkId: string): Kept => {
    const known = kept.get(networkId)
    if (known !== undefined) return known
    const fresh: Kept = {
      record: undefined,
      tip: undefined,
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
      const { tip, chunks } = of(networkId)
      if (tip === undefined) return undefined
      return structuredClone({ tip, chunks: [...chunks.values()].sort((a, b) => a.first - b.first) })
    },
    async writeChain(networkId, { tip, put, remove }) {
      const entry = of(networkId)
      for (const first of remove) entry.chunks.delete(first)
      for (const chunk of put) entry.chunks.set(chunk.first, structuredClone(chunk))
      entry.tip = structuredClone(tip)
    },
    async clearChain(networkId) {
      const entry = of(networkId)
      entry.chunks.clear()
      entry.tip = undefined
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
