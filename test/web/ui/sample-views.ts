/** Views as a worker would send them, for screenshots and for tests of what the page makes of them. */
import { asciiBytes, fromHex } from '../../../shared/bytes.ts'
import type { KeeperActivity } from '../../../shared/chain/keepers.ts'
import { sha256 } from '../../../shared/hash.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import type {
  AppView,
  AuditReport,
  AuditVerdict,
  IdentityView,
  JoinStepName,
  NetworkView,
  PeerView,
} from '../../../web/worker/api.ts'

export const SAMPLE_NOW = Date.UTC(2026, 2, 4, 16, 5, 30)
const HASH = '00000000a3f1c2d4e5b6978899aabbccddeeff00112233445566778899aabbcc'
export const SAMPLE_NETWORK_ID = '7d3c0e5f9b1a48d2866f0c4e7a915b3d20f8e6c1b4a79d5e33f20817c6bb94ae'
const networkBytes = fromHex(SAMPLE_NETWORK_ID)
export const SAMPLE_ID = formatDeviceId(networkBytes, sha256(asciiBytes('the kitchen sensor')))
export const RELAY_ID = formatDeviceId(networkBytes, sha256(asciiBytes('the relay')))

const SERVING: PeerView = {
  peerId: '12D3KooWQZ8rVbT4c3Jx1yPq7mS9nE2dHgK6fLwA5uXvYtRrelay',
  transport: 'webrtc-direct',
  address:
    '/ip4/192.168.1.20/udp/4430/webrtc-direct/certhash/uEiBk9x3nFZ0wq5u1Lr7T2yVj8mPc4sDgHbXaKe6oNfQwRt/p2p/12D3KooWQZ8rVbT4c3Jx1yPq7mS9nE2dHgK6fLwA5uXvYtRrelay',
  roundTrip: 14.2,
  penalty: 0,
  label: 'coordination',
  height: 48_213,
  serving: true,
  duty: 'primary',
}
const PEERS: PeerView[] = [
  {
    peerId: '12D3KooWBrowserPhoneKitchen2dHgK6fLwA5uXvYtRkitch',
    transport: 'webrtc',
    address: '/ip4/192.168.1.20/udp/4430/webrtc-direct/p2p/12D3KooWQZ8r/p2p-circuit/webrtc/p2p/12D3KooWBrowser',
    roundTrip: 22,
    penalty: 0,
    label: 'lightweight',
    height: 48_213,
    serving: false,
    duty: undefined,
  },
  SERVING,
  {
    peerId: '12D3KooWSecondRelayGarage9nE2dHgK6fLwA5uXvYtRgarage',
    transport: 'websocket',
    address: '/dns4/garage.local/tcp/8443/tls/ws/p2p/12D3KooWSecondRelay',
    roundTrip: 31,
    penalty: 20,
    label: 'full',
    height: 48_212,
    serving: false,
    duty: 'standby',
  },
  {
    peerId: '12D3KooWFarPhone9nE2dHgK6fLwA5uXvYtRfarfar',
    transport: 'circuit',
    address: '/ip4/192.168.1.20/udp/4430/webrtc-direct/p2p/12D3KooWQZ8r/p2p-circuit/p2p/12D3KooWFar',
    roundTrip: undefined,
    penalty: 0,
    label: undefined,
    height: undefined,
    serving: false,
    duty: undefined,
  },
]

/** Two that seal, and one that sleeps. */
const KEEPERS: KeeperActivity[] = [
  {
    seat: 2,
    sealed: 0,
    last: { height: 47_871, time: SAMPLE_NOW - 171 * 60_000 },
    silent: 342,
    isAsleep: true,
  },
  { seat: 0, sealed: 58, last: { height: 48_213, time: SAMPLE_NOW - 12_000 }, silent: 0, isAsleep: false },
  { seat: 1, sealed: 42, last: { height: 48_211, time: SAMPLE_NOW - 71_000 }, silent: 2, isAsleep: false },
]

export const NO_IDENTITY: IdentityView = {
  state: 'none',
  deviceId: undefined,
  did: undefined,
  label: 'lightweight',
  steps: [],
  failure: undefined,
  isLost: false,
}

export const STEP_NAMES: readonly JoinStepName[] = ['verify-voucher', 'endorsement', 'submitted', 'in-block', 'settled']

export function stepsDone(count: number): IdentityView['steps'] {
  return STEP_NAMES.map((name, index) => ({ name, done: index < count }))
}

export function identity(state: IdentityView['state'], done: number): IdentityView {
  return {
    ...NO_IDENTITY,
    state,
    steps: stepsDone(done),
    deviceId: state === 'joining' ? undefined : SAMPLE_ID,
    did: state === 'joining' ? undefined : `did:lares:${SAMPLE_ID.toLowerCase()}`,
  }
}

export function network(change: Partial<NetworkView> = {}): NetworkView {
  return {
    networkId: SAMPLE_NETWORK_ID,
    name: 'Rossi home',
    phase: 'following',
    tip: { height: 48_213, hash: HASH, time: SAMPLE_NOW - 12_000 },
    settled: { height: 48_207, hash: HASH, time: SAMPLE_NOW - 205_000, keepersSeen: 3, keepers: 3 },
    work: '84213096442',
    startHeight: 47_900,
    headersVerified: 1_313,
    headersStored: 1_313,
    headersFetched: 1_313,
    targetHeight: undefined,
    peers: PEERS,
    keepers: { blocks: 100, shown: KEEPERS },
    assigned: [
      { seat: 0, peerId: SERVING.peerId, state: 'primary' },
      { seat: 1, peerId: PEERS[2]?.peerId, state: 'standby' },
      { seat: 2, peerId: undefined, state: 'away' },
    ],
    singleKeeper: false,
    identity: identity('settled', 5),
    incidents: [
      {
        at: SAMPLE_NOW - 3 * 3_600_000,
        code: 'bad-state-proof',
        sentence: 'A peer sent a proof that does not fit the settled header. It was dropped, and another was asked.',
        severity: 'alarm',
      },
      {
        at: SAMPLE_NOW - 26 * 3_600_000,
        code: 'server-left',
        sentence: 'The relay that served this browser went away. Another one took over.',
        severity: 'note',
      },
    ],
    spacingMs: 30_000,
    ...change,
  }
}

export function app(active: NetworkView | undefined, change: Partial<AppView> = {}): AppView {
  const named = active === undefined ? [] : [{ networkId: active.networkId, name: active.name }]
  return {
    obstacle: undefined,
    networks: [...named, ...(active === undefined ? [] : [{ networkId: 'b4'.repeat(32), name: 'Workshop fleet' }])],
    active,
    codeFromAuditedRelay: false,
    codeOrigin: 'https://audit.example.org',
    storage: { problem: undefined, isPersisted: true, keepsake: undefined },
    ...change,
  }
}

export const SAMPLE_VIEWS = {
  following: app(network()),
  single: app(
    network({
      singleKeeper: true,
      assigned: [],
      settled: { height: 48_207, hash: HASH, time: SAMPLE_NOW - 205_000, keepersSeen: 1, keepers: 1 },
      peers: [SERVING],
      incidents: [],
      identity: NO_IDENTITY,
    }),
    { codeFromAuditedRelay: true, codeOrigin: 'https://lares.local:8443' },
  ),
  syncing: app(
    network({
      phase: 'syncing',
      tip: { height: 48_020, hash: HASH, time: SAMPLE_NOW - 5_800_000 },
      settled: { height: 47_900, hash: HASH, time: SAMPLE_NOW - 9_400_000, keepersSeen: 2, keepers: 3 },
      targetHeight: 48_213,
      headersVerified: 120,
      headersStored: 120,
      headersFetched: 120,
      peers: [SERVING],
      incidents: [],
      identity: NO_IDENTITY,
    }),
  ),
  asleep: app(
    network({
      phase: 'asleep',
      tip: { height: 48_213, hash: HASH, time: SAMPLE_NOW - 8.1 * 3_600_000 },
      settled: { height: 48_207, hash: HASH, time: SAMPLE_NOW - 8.2 * 3_600_000, keepersSeen: 3, keepers: 3 },
    }),
  ),
  offline: app(network({ phase: 'offline', peers: [] })),
  empty: app(undefined),
  puzzle: app(network({ identity: NO_IDENTITY }), {
    pairing: {
      ...{ step: 'puzzle', price: { base: 1, pressure: 3, faults: 1, iterations: 3 }, tries: 2, tryMs: 140 },
      ...{ code: undefined, until: undefined, failure: undefined },
    },
  }),
  pairing: app(network({ identity: NO_IDENTITY }), {
    pairing: {
      ...{ step: 'approval', price: { base: 1, pressure: 1, faults: 1, iterations: 1 }, tries: 0, tryMs: undefined },
      ...{ code: 'BCDF-GHJK', until: SAMPLE_NOW + 600_000, failure: undefined },
    },
  }),
  'no-id': app(network({ identity: NO_IDENTITY })),
  joining: app(network({ identity: identity('joining', 2) })),
  pending: app(network({ identity: identity('pending', 4) })),
  refused: app(
    network({
      identity: {
        ...identity('joining', 1),
        failure: {
          ok: false,
          code: 'voucher-used',
          sentence: 'This voucher was used before: ask whoever runs the relay for a new one.',
        },
      },
    }),
  ),
  retired: app(network({ identity: identity('retired', 0) })),
  obstacle: app(undefined, {
    obstacle: {
      ok: false,
      code: 'storage-broken',
      sentence: 'The storage of this browser cannot be read: clear the data of this page, then add the network again.',
    },
  }),
} satisfies Record<string, AppView>
export type SampleName = keyof typeof SAMPLE_VIEWS

const VERDICT_SENTENCES: Readonly<Record<AuditVerdict, string>> = {
  registered: 'This ID is in the ledger of Rossi home.',
  genuine: 'The device has signed the question of this browser with the key of its record.',
  retired: 'This ID was registered, and has been retired for good.',
  'not-in-ledger': 'The ledger of Rossi home has no such ID, and this browser has the proof.',
  'unknown-network': 'This ID belongs to a network that this browser does not know: add it by its join link.',
  malformed: 'The checksum of this text is wrong: look for a mistyped or missing character.',
  'cannot-say': 'No relay answered, so nothing could be proven: try again when one is reachable.',
}

const CHECKS = [
  'The headers from the checkpoint up to the tip are linked and carry their work.',
  'Two thirds of the keepers have sealed on top of the settled header.',
  'The proof fits the state root of that header.',
]

/** The text names the verdict; `pending` is an ID on its way into the ledger, any other text is registered. */
export function sampleReport(text: string): AuditReport {
  const asked = text.trim().toLowerCase()
  const pending = asked === 'pending'
  const named = pending ? 'not-in-ledger' : asked
  const verdict = (Object.keys(VERDICT_SENTENCES) as AuditVerdict[]).find((name) => name === named) ?? 'registered'
  const isThere = verdict === 'registered' || verdict === 'genuine' || verdict === 'retired'
  const answered = isThere || verdict === 'not-in-ledger'
  const { tip, settled } = network()
  return {
    verdict,
    sentence: VERDICT_SENTENCES[verdict],
    deviceId: verdict === 'malformed' ? undefined : SAMPLE_ID,
    device: isThere
      ? {
          label: 'lightweight',
          assurance: 'A1',
          trust: 500,
          registeredHeight: 41_873,
          registeredTime: SAMPLE_NOW - 55 * 3_600_000,
          sponsor: RELAY_ID,
          certifiedUntil: undefined,
          contestedAt: undefined,
        }
      : undefined,
    asOf: answered ? settled : undefined,
    tip: answered ? tip : undefined,
    pending,
    proofBytes: answered ? 1_486 : undefined,
    tookMs: 38,
    checked: answered
      ? [
          ...CHECKS,
          verdict === 'not-in-ledger'
            ? 'The proof shows that nothing stands at this ID.'
            : 'The record in the proof is the one of this ID.',
        ]
      : [],
    answeredBy: answered ? SERVING.peerId : undefined,
    failure: undefined,
  }
}
