import type { IncidentView, JoinStepName } from '../worker/api.ts'

/** A joined network. What it says of the chain is checked again when it is read. */
export interface NetworkRecord {
  /** Hex. */
  readonly networkId: string
  readonly name: string
  /** Of the join link: the settled header this phone started from; height 0 for genesis. */
  readonly checkpoint: { readonly height: number; readonly hash: Uint8Array }
  /** Multiaddr text, best first. */
  readonly addresses: readonly string[]
  /** The checkpoint answer (shared/protocol/messages.ts) that was checked against network ID and checkpoint. */
  readonly start: Uint8Array | undefined
  /** When it was selected last, ms. */
  readonly lastActive: number
}

/** Consecutive headers of the best chain, packed: what is older than the restart point. */
export interface HeaderChunk {
  /** Height of the first. */
  readonly first: number
  /** Encoded start point: the header before the first, with its roster and history. */
  readonly start: Uint8Array
  /** Encoded header items, one answer's worth. */
  readonly items: Uint8Array
}

/** The newest headers of the best chain, and all that is needed to go on from them: some tens of kilobytes. */
export interface RestartRecord {
  /** Of the tip. */
  readonly height: number
  readonly hash: Uint8Array
  /** What this phone held for settled then: seals of a branch that lost since may have settled it. */
  readonly settled?: { readonly height: number; readonly keepersSeen: number; readonly keepers: number } | undefined
  /** Height of the lowest header that is stored, here or in a chunk; those below were let go on purpose. */
  readonly floor: number
  /** Encoded start point: the header before the first item. */
  readonly start: Uint8Array
  /** Encoded header items up to the tip, one answer's worth. */
  readonly items: Uint8Array
}

export interface StoredChain {
  /** undefined when it is missing or not as it was written. */
  readonly restart: RestartRecord | undefined
  /** First heights of the chunks, upwards. */
  readonly firsts: readonly number[]
}

/** One change of the best chain: restart point and chunks, in one transaction. */
export interface ChainWrite {
  readonly restart: RestartRecord
  readonly put: readonly HeaderChunk[]
  /** First heights of chunks to delete; done before anything is put. */
  readonly remove: readonly number[]
}

/** This device's identity in a network. The recovery key's private half is never in it. */
export interface IdentityRecord {
  readonly state: 'joining' | 'pending' | 'settled' | 'retired'
  readonly deviceId: Uint8Array
  /** Anchor of the voucher. */
  readonly anchor: Uint8Array
  /** Label flags. */
  readonly label: number
  /** What is asked for: the register transaction without endorsements, or the rotation that brings a lost ID back. */
  readonly application: Uint8Array
  /** With endorsements, as it was submitted, so that it can be submitted again. */
  readonly transaction: Uint8Array | undefined
  readonly done: readonly JoinStepName[]
  /** Hash of the block that registered it, which decides who serves it; undefined until that is settled, or not known here. */
  readonly block?: Uint8Array | undefined
  /** Why the network will not have it. */
  readonly failure: { readonly code: string; readonly sentence: string } | undefined
}

export interface StoredIncident extends IncidentView {
  /** The proof that was wrong, for whoever wants to look. Bounded. */
  readonly evidence?: Uint8Array | undefined
}

/** The owner's private directory of a network, as it was imported: names and serials that are never on chain. */
export interface DirectoryRecord {
  readonly bytes: Uint8Array
  /** ms since the Unix epoch. */
  readonly importedAt: number
}

/**
 * What this phone keeps, by network ID (hex). What is read back may be damaged or gone: it is input, not truth.
 * @throws {LaresError} `storage-full` when there is no room, `storage-failed` when the browser refuses for another reason
 */
export interface LocalStore {
  networks(): Promise<NetworkRecord[]>
  putNetwork(record: NetworkRecord): Promise<void>
  /** Forgets everything of a network, wallet and identity too. */
  removeNetwork(networkId: string): Promise<void>

  readChain(networkId: string): Promise<StoredChain | undefined>
  readChunk(networkId: string, first: number): Promise<HeaderChunk | undefined>
  writeChain(networkId: string, write: ChainWrite): Promise<void>
  /** Forgets the headers; identity and wallet stay. */
  clearChain(networkId: string): Promise<void>
  /** Makes room: forgets the chunks of all networks. Restart points, identities, wallets and directories stay. */
  dropChunks(): Promise<void>

  readIdentity(networkId: string): Promise<IdentityRecord | undefined>
  /** With a wallet, both in one transaction. */
  writeIdentity(networkId: string, record: IdentityRecord, wallet?: CryptoKeyPair): Promise<void>
  /** The wallet of the identity; the private key is one that cannot be exported. */
  readWallet(networkId: string): Promise<CryptoKeyPair | undefined>

  readIncidents(networkId: string): Promise<StoredIncident[]>
  writeIncidents(networkId: string, incidents: readonly StoredIncident[]): Promise<void>

  readDirectory(networkId: string): Promise<DirectoryRecord | undefined>
  writeDirectory(networkId: string, directory: DirectoryRecord): Promise<void>
  clearDirectory(networkId: string): Promise<void>

  close(): void
}
