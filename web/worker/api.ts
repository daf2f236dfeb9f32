/**
 * The contract between the page and its worker. The page owns libp2p and only moves bytes; the worker owns verification,
 * chain state, wallet and IndexedDB (DESIGN 7). No logic here: discriminated unions and plain, structured-cloneable data.
 */
import type { LabelDecision } from '../../shared/admission/label-of.ts'
import type { DeviceProfile } from '../../shared/admission/profile.ts'
import type { KeeperActivity } from '../../shared/chain/keepers.ts'
import type { ProtocolSpec } from '../../shared/protocol/transport.ts'

// ---------------------------------------------------------------------------------------------------------- outcomes

/** Expected failures cross the boundary as values; `sentence` is for a person and says what to do. */
export interface Failure {
  readonly ok: false
  readonly code: string
  readonly sentence: string
}
export type Outcome<Value> = { readonly ok: true; readonly value: Value } | Failure

// ---------------------------------------------------------------------------------------------------- what is shown

export interface BlockView {
  readonly height: number
  /** Header hash, hex. */
  readonly hash: string
  /** Header time, ms since the Unix epoch. */
  readonly time: number
}

export interface SettledView extends BlockView {
  /** Seats whose seal was seen among the blocks on top, of all seats. */
  readonly keepersSeen: number
  readonly keepers: number
}

/**
 * - `connecting`: no server answered yet; `syncing`: headers are being fetched; `following`: at the tip, by gossip
 * - `asleep`: servers answer but no new block for long (the relay or this device slept); never called lying
 * - `offline`: no server reachable now
 */
export type SyncPhase = 'connecting' | 'syncing' | 'following' | 'asleep' | 'offline'

export type TransportName = 'webrtc-direct' | 'webrtc' | 'websocket' | 'tcp' | 'circuit'

/** What a full node is to this device by the assignment that everybody can recompute. */
export type ServerDuty = 'primary' | 'standby' | 'backup'

export interface PeerView {
  readonly peerId: string
  readonly transport: TransportName
  readonly address: string
  /** Round trip, ms. */
  readonly roundTrip: number | undefined
  /** What it says it is; undefined until it has said so. */
  readonly label: string | undefined
  readonly height: number | undefined
  /** Points for what it did wrong, forgiven with time; at a hundred it is dropped. */
  readonly penalty: number
  /** This peer serves our requests now. */
  readonly serving: boolean
  readonly duty: ServerDuty | undefined
}

/** A server that is assigned to this device, in the order of the assignment. */
export interface AssignedView {
  readonly seat: number
  /** Not known until it has said where it serves. */
  readonly peerId: string | undefined
  /** `busy`, `away`: passed over for the time. */
  readonly state: ServerDuty | 'busy' | 'away'
}

/** Something a person should know: a lie that was caught, a storage that was repaired, a server that left. */
export interface IncidentView {
  readonly at: number
  readonly code: string
  readonly sentence: string
  readonly severity: 'note' | 'warning' | 'alarm'
}

export type JoinStepName = 'approval' | 'verify-voucher' | 'endorsement' | 'submitted' | 'in-block' | 'settled'

export interface IdentityView {
  /** `none`: no ID. `joining`: being asked for. `pending`: in a block that is not settled. `settled`: valid. */
  readonly state: 'none' | 'joining' | 'pending' | 'settled' | 'retired'
  /** Upper-case bech32m text. */
  readonly deviceId: string | undefined
  readonly did: string | undefined
  readonly label: string
  /** Steps of the join under way, in order, with what is done. */
  readonly steps: readonly { readonly name: JoinStepName; readonly done: boolean }[]
  readonly failure: Failure | undefined
  /** Its key is gone from this browser, or is no longer its key: only the recovery words bring it back. */
  readonly isLost: boolean
}

/** A device without a voucher asks the operator of a relay to be let in. */
export interface PairingView {
  readonly step: 'price' | 'puzzle' | 'approval'
  /** Iterations of the puzzle are `base × pressure × faults`; undefined until it is known, and where nothing is to be paid. */
  readonly price:
    | { readonly base: number; readonly pressure: number; readonly faults: number; readonly iterations: number }
    | undefined
  /** Those that did not solve the puzzle, and how long one takes, ms; undefined before the first. */
  readonly tries: number
  readonly tryMs: number | undefined
  /** That the operator is to type, and until when, ms since the Unix epoch. */
  readonly code: string | undefined
  readonly until: number | undefined
  readonly failure: Failure | undefined
}

/**
 * Whether this device counts as present. `asked`: an earlier session has not ended, and is asked to prove itself. `in-use`: it
 * has. `refused`: the server does not take this session.
 */
export interface PresenceView {
  readonly state: 'present' | 'asked' | 'in-use' | 'refused'
  readonly tone: 'good' | 'calm' | 'warn'
  /** For a person, with the time of the next try. */
  readonly sentence: string | undefined
}

/** What each keeper sealed, counted from headers that this browser verified. */
export interface KeepersView {
  /** Newest blocks counted. */
  readonly blocks: number
  /** Those asleep first, some tens at most. */
  readonly shown: readonly KeeperActivity[]
}

export interface NetworkView {
  /** Hex. */
  readonly networkId: string
  /** As the join link names it, for people only. */
  readonly name: string
  readonly phase: SyncPhase
  readonly tip: BlockView | undefined
  readonly settled: SettledView | undefined
  /** Summed work of the chain, hashes, decimal text. */
  readonly work: string
  /** Height this phone started from: the checkpoint of the join link, or 0 for genesis. */
  readonly startHeight: number
  readonly headersVerified: number
  readonly headersStored: number
  /** Headers that came from servers since this page was opened. */
  readonly headersFetched: number
  /** Height the servers speak of while syncing. */
  readonly targetHeight: number | undefined
  readonly peers: readonly PeerView[]
  readonly keepers: KeepersView | undefined
  /** First to last; empty in a network of one full node. */
  readonly assigned: readonly AssignedView[]
  /** One keeper: its key is the trust, and the page says so. */
  readonly singleKeeper: boolean
  readonly identity: IdentityView
  /** Not known without an ID, or until a server has been asked. */
  readonly presence?: PresenceView | undefined
  /** Newest first, at most 50. */
  readonly incidents: readonly IncidentView[]
  /** Wanted time between blocks, ms. */
  readonly spacingMs: number
}

export interface AppView {
  /** What the browser lacks, if anything: then nothing else works and the sentence says what to do. */
  readonly obstacle: Failure | undefined
  readonly networks: readonly { readonly networkId: string; readonly name: string }[]
  readonly active: NetworkView | undefined
  /** True when the page's code came from the relay that it audits. */
  readonly codeFromAuditedRelay: boolean
  /** Where the page's code came from. */
  readonly codeOrigin: string
  /** The owner's directory of the active network, where one was imported. */
  readonly directory?: DirectoryView | undefined
  readonly storage: StorageView
  /** In the active network; absent when none is under way. */
  readonly pairing?: PairingView | undefined
}

export interface StorageView {
  /** The database does not open, and the page works from memory: why, and what to do. */
  readonly problem: Failure | undefined
  /** The browser has promised not to clear this page's storage by itself; undefined when it does not say. */
  readonly isPersisted: boolean | undefined
  /** A note for the page to keep outside of the database; undefined until networks are known. */
  readonly keepsake: string | undefined
}

// ------------------------------------------------------------------------------------------------ private directory

/** The owner's private directory. It is on this device alone, and nothing of it is ever sent. */
export interface DirectoryView {
  readonly devices: number
  /** When the owner made it, and when it was imported here; ms since the Unix epoch. */
  readonly madeAt: number
  readonly importedAt: number
  /** `unchecked`: not yet in this session, so no names are shown. `refused`: see failure. */
  readonly state: 'unchecked' | 'checked' | 'refused'
  readonly failure: Failure | undefined
}

/** What the owner calls a device; texts are empty where nothing is said. */
export interface DirectoryEntryView {
  /** Upper-case bech32m text. */
  readonly deviceId: string
  readonly name: string
  readonly model: string
  readonly serial: string
  readonly mac: string
  /** Of the MAC address. */
  readonly vendor: string
}

// ------------------------------------------------------------------------------------------------------------- audit

export type AuditVerdict =
  | 'registered'
  | 'genuine'
  | 'retired'
  | 'not-in-ledger'
  | 'unknown-network'
  | 'malformed'
  | 'cannot-say'

export interface AuditReport {
  readonly verdict: AuditVerdict
  /** One plain sentence. */
  readonly sentence: string
  readonly deviceId: string | undefined
  /** From the private directory, which no server knows. */
  readonly entry?: DirectoryEntryView | undefined
  /** Present when registered or retired. */
  readonly device:
    | {
        readonly label: string
        /** A1 or A2. */
        readonly assurance: string
        /** 0..1000 */
        readonly trust: number
        readonly registeredHeight: number
        readonly registeredTime: number
        readonly sponsor: string | undefined
        /** Of its certificate, ms; undefined without one. */
        readonly certifiedUntil: number | undefined
        /** When a copy of its key was used, ms; undefined where it was not, or the device was verified since. */
        readonly contestedAt: number | undefined
      }
    | undefined
  /** The verdict is read at this settled header. */
  readonly asOf: SettledView | undefined
  readonly tip: BlockView | undefined
  /** In the newest block already, but that block is not settled. */
  readonly pending: boolean
  readonly proofBytes: number | undefined
  /** ms from question to verdict */
  readonly tookMs: number
  /** What this phone checked, in order, each a short sentence. */
  readonly checked: readonly string[]
  /** Answered by this peer; undefined when nobody was asked. */
  readonly answeredBy: string | undefined
  readonly failure: Failure | undefined
}

// --------------------------------------------------------------------------------------- page asks worker (with reply)

export type WorkerCall =
  | {
      readonly call: 'open'
      readonly init: {
        readonly codeOrigin: string
        readonly servedBy: string | undefined
        /** The newest {@link StorageView.keepsake}, as the page kept it. */
        readonly keepsake?: string | undefined
      }
    }
  /** A join link, or the text of one. */
  | { readonly call: 'add-network'; readonly link: string }
  | { readonly call: 'select-network'; readonly networkId: string }
  | { readonly call: 'remove-network'; readonly networkId: string }
  /** Reads the voucher and makes the wallet; the words are shown once and asked back. */
  | { readonly call: 'prepare-join'; readonly voucher: string }
  /** The same without a voucher: once the words are confirmed, the operator of a relay is asked. */
  | { readonly call: 'prepare-pairing' }
  /** `answers[i]` is the word at position `asked[i]`. */
  | { readonly call: 'confirm-join'; readonly answers: readonly string[] }
  | { readonly call: 'cancel-join' }
  /** Brings an ID back whose key is gone. */
  | { readonly call: 'recover-identity'; readonly words: string; readonly deviceId: string }
  /** Which label this device fits, and why. */
  | { readonly call: 'explain-label' }
  | { readonly call: 'audit'; readonly text: string }
  /** Asks a device itself: the text goes to it by QR code or by hand. A newer question takes the place of the one before. */
  | { readonly call: 'challenge'; readonly deviceId: string }
  /** The question goes to it by the network as well. */
  | { readonly call: 'ask-device' }
  /** What the device showed in return. */
  | { readonly call: 'check-answer'; readonly text: string }
  /** Another asks this device. */
  | { readonly call: 'answer-challenge'; readonly text: string }
  /** The file that `lares directory export` has written. */
  | { readonly call: 'import-directory'; readonly bytes: Uint8Array }
  | { readonly call: 'forget-directory' }
  /** Part of a name, model, serial, vendor or MAC address. */
  | { readonly call: 'search-directory'; readonly text: string }
  /** Network, then each peer's addresses changed, page hidden or shown, online or offline. */
  | { readonly call: 'hint'; readonly hint: 'visible' | 'hidden' | 'online' | 'offline' }
  | {
      readonly call: 'peer-connected'
      readonly peerId: string
      readonly transport: TransportName
      readonly address: string
    }
  | { readonly call: 'peer-disconnected'; readonly peerId: string }
  | {
      readonly call: 'peer-round-trip'
      readonly peerId: string
      readonly roundTrip: number | undefined
      readonly penalty: number
    }
  | { readonly call: 'gossip'; readonly from: string; readonly topic: string; readonly bytes: Uint8Array }
  /** Somebody asks this device, in a protocol that the worker has said it serves. */
  | { readonly call: 'answer'; readonly from: string; readonly protocol: string; readonly bytes: Uint8Array }

export interface WorkerReplies {
  open: AppView
  'add-network': Outcome<{ networkId: string }>
  'select-network': Outcome<null>
  'remove-network': Outcome<null>
  'prepare-join': Outcome<{ words: readonly string[]; asked: readonly number[] }>
  'prepare-pairing': Outcome<{ words: readonly string[]; asked: readonly number[] }>
  'confirm-join': Outcome<null>
  'cancel-join': Outcome<null>
  'recover-identity': Outcome<null>
  'explain-label': Outcome<LabelDecision>
  audit: AuditReport
  challenge: Outcome<{ text: string }>
  /** A report only where the answer holds, or the ledger no longer has the device as it was. */
  'check-answer': Outcome<AuditReport>
  'ask-device': Outcome<AuditReport>
  'answer-challenge': Outcome<{ text: string }>
  'import-directory': Outcome<{ devices: number }>
  'forget-directory': Outcome<null>
  /** Some of those found, and how many there are. */
  'search-directory': Outcome<{ entries: readonly DirectoryEntryView[]; found: number }>
  hint: null
  'peer-connected': null
  'peer-disconnected': null
  'peer-round-trip': null
  gossip: 'accept' | 'ignore' | 'reject'
  /** null: not answered, and nobody is blamed. */
  answer: Uint8Array | null
}

// --------------------------------------------------------------------------------------- worker asks page (with reply)

export type PageCall =
  /** Connect to a server by any of its addresses, best first. */
  | { readonly call: 'dial'; readonly addresses: readonly string[] }
  | {
      readonly call: 'request'
      readonly peerId: string
      readonly protocol: string
      readonly bytes: Uint8Array
      readonly timeoutMs: number
      readonly maxResponse: number
    }
  | { readonly call: 'subscribe'; readonly topics: readonly { readonly topic: string; readonly maxLength: number }[] }
  | { readonly call: 'unsubscribe-all' }
  /** Requests in these protocols go to the worker from now on. */
  | { readonly call: 'serve'; readonly protocols: readonly ProtocolSpec[] }
  | { readonly call: 'publish'; readonly topic: string; readonly bytes: Uint8Array }
  | { readonly call: 'penalise'; readonly peerId: string; readonly points: number; readonly code: string }
  | { readonly call: 'hang-up'; readonly peerId: string }
  /** Asks the browser not to clear the storage; a person may be asked. */
  | { readonly call: 'persist' }
  /** What feeds this device. */
  | { readonly call: 'power' }
  /** The public half of its libp2p key, which is made when the page is opened and kept nowhere. */
  | { readonly call: 'peer-key' }

export interface PageReplies {
  dial: Outcome<{ peerId: string }>
  request: Outcome<Uint8Array>
  subscribe: null
  'unsubscribe-all': null
  serve: null
  publish: null
  penalise: null
  'hang-up': null
  /** undefined when the browser does not say. */
  persist: boolean | undefined
  power: DeviceProfile['power']
  'peer-key': Uint8Array
}

/** Worker tells page, no reply: the whole view, at most ten times a second. */
export interface ViewChanged {
  readonly event: 'view'
  readonly view: AppView
}
