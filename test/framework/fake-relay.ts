import type { SmallDeviceDoor } from '../../node-relay/devices/door.ts'
import type { DeviceRow, RelayFacade, RelayStatus } from '../../node-relay/facade.ts'
import type { FleetDoor } from '../../node-relay/fleet/door.ts'
import type { WalletView } from '../../node-relay/wallet/door.ts'
import { labelOf } from '../../shared/admission/label-of.ts'
import { UNKNOWN_PROFILE } from '../../shared/admission/profile.ts'
import { accept, LaresError, reject } from '../../shared/errors.ts'
import { DEFAULT_POLICY, policyCodec } from '../../shared/policy/policy.ts'
import { WAY } from '../../shared/protocol/join-messages.ts'

export const FAKE_NETWORK_ID = 'ab'.repeat(32)
export const FAKE_DEVICE_ID = `LARES1${'Q'.repeat(64)}`
export const FAKE_BUNDLE = Uint8Array.of(0, 255, 62, 63)

export const FAKE_STATUS: RelayStatus = {
  networkId: FAKE_NETWORK_ID,
  deviceId: FAKE_DEVICE_ID,
  roles: ['full', 'coordination'],
  version: '0.1.0',
  startedAt: 1_700_000_000_000,
  tip: { height: 12, hash: '01'.repeat(32), time: 1_700_000_360_000 },
  settled: { height: 6, hash: '02'.repeat(32), time: 1_700_000_180_000, keepersSeen: 1, keepers: 1 },
  work: '123456789012345678901234567890',
  mining: { state: 'mining', sentence: 'Mining within 5 % of one core.', hashesPerSecond: 1234.5, share: 0.05 },
  peers: [
    {
      peerId: '12D3KooWpeer',
      transport: 'webrtc-direct',
      address: '/ip4/192.168.7.9/udp/1',
      roundTrip: 4,
      penalty: 0,
      label: undefined,
      deviceId: undefined,
      saidLabel: 'lightweight',
      height: 11,
    },
  ],
  droppedPeers: [{ peerId: '12D3KooWflooder', code: 'flood', at: 1_700_000_100_000, until: 1_700_001_000_000 }],
  keepers: [
    {
      seat: 0,
      deviceId: FAKE_DEVICE_ID,
      isOwn: true,
      service: undefined,
      sealed: 12,
      last: { height: 12, time: 1_700_000_360_000 },
      silent: 0,
      isAsleep: false,
    },
  ],
  pendingTransactions: 2,
  devices: 1,
  devicesAlive: 1,
  incidents: [{ at: 1_700_000_100_000, code: 'flood', sentence: '192.168.7.66 was dropped.' }],
}

export const FAKE_DEVICE: DeviceRow = {
  deviceId: FAKE_DEVICE_ID,
  did: `did:lares:${FAKE_DEVICE_ID.toLowerCase()}`,
  label: 'lightweight',
  assurance: 'A1',
  status: 'active',
  trust: 500,
  registeredHeight: 3,
  registeredTime: 1_700_000_090_000,
  sponsor: undefined,
  walletKey: '03'.repeat(32),
}

const FAKE_NONCE = '06'.repeat(32)
const FAKE_TIME = 1_700_000_400_000

/** One device that is registered, and one challenge that waits for it. */
export const FAKE_SMALL_DEVICES: SmallDeviceDoor = {
  async join(application) {
    if (application[0] === 0) return reject('used-voucher', 'This voucher was used already.')
    return accept({ deviceId: FAKE_DEVICE_ID, state: 'pending', transactionId: '05'.repeat(32) })
  },
  async askJoin(ask) {
    if (ask[0] === 0) return reject('anchor-live', 'This identity has a live ID.')
    const quote = {
      endorser: new Uint8Array(32).fill(1),
      expires: FAKE_TIME + 1,
      iterations: 2,
      salt: new Uint8Array(16).fill(2),
      mac: new Uint8Array(32).fill(3),
    }
    const derivation = { base: 1, pressure: 2, faults: 1, most: 4096, isWaived: false }
    return accept([{ ...derivation, quote, way: WAY.certificate, nonce: new Uint8Array(32).fill(6) }])
  },
  async joinCertified(application) {
    if (application[0] === 0) return reject('untrusted-root', 'The owners do not trust this root.')
    return accept({ deviceId: FAKE_DEVICE_ID, state: 'pending', transactionId: '05'.repeat(32) })
  },
  certifiedJoin: () => ({ networkId: FAKE_NETWORK_ID, nonce: FAKE_NONCE, trustRoots: ['0a'.repeat(32)] }),
  state: () =>
    accept({
      deviceId: FAKE_DEVICE_ID,
      state: 'registered',
      sequence: 0,
      walletKey: FAKE_DEVICE.walletKey,
      time: FAKE_TIME,
    }),
  renew: async () => accept({ deviceId: FAKE_DEVICE_ID, until: FAKE_TIME + 1 }),
  challenge: (_id, nonce) =>
    accept({ nonce: Buffer.from(nonce).toString('hex'), expires: FAKE_TIME + 2, text: 'LARESC1Q' }),
  challenges: async () => accept({ time: FAKE_TIME, challenges: [{ nonce: FAKE_NONCE, expires: FAKE_TIME + 2 }] }),
  answer: async () => accept({ nonce: FAKE_NONCE }),
  challengeOutcome: async () =>
    accept({ deviceId: FAKE_DEVICE_ID, state: 'answered', expires: FAKE_TIME + 2, answer: Uint8Array.of(7) }),
  time: async () =>
    accept({
      networkId: FAKE_NETWORK_ID,
      relayId: '07'.repeat(32),
      relayKey: '08'.repeat(32),
      time: FAKE_TIME,
      signature: '09'.repeat(64),
    }),
  presence: () => undefined,
  countAlive: () => 1,
}

/** One device that is expected, and nothing else. */
export const FAKE_FLEET: FleetDoor = {
  enrol: async () => ({ ok: true, value: { outcomes: [], devices: 0 } }),
  list: () => ({ ok: true, value: [] }),
  exportDirectory: async () => ({ ok: true, value: { bytes: Uint8Array.of(1), devices: 0 } }),
  remove: async () => reject('unknown-serial', 'There is no device with this serial.'),
  async expected(walletKey) {
    if (walletKey !== FAKE_DEVICE.walletKey) return reject('not-expected', 'No device with this key is expected here.')
    const value = { deviceId: FAKE_DEVICE_ID, application: Uint8Array.of(1, 1, 3), notAfter: 1_700_000_900_000 }
    return { ok: true, value }
  },
}

export const FAKE_PAIRING: RelayFacade['pairing'] = {
  waiting: () => [],
  approve: async () => reject('no-such-code', 'No newcomer with this code.'),
  refuse: () => reject('no-such-code', 'No newcomer with this code.'),
}

/** A relay that was not restored. */
export const FAKE_ROSTER: RelayFacade['roster'] = {
  view: () => ({
    networkId: FAKE_NETWORK_ID,
    isLight: false,
    height: 120,
    changeNumber: 0,
    votesNeeded: 1,
    owners: { threshold: 1, keys: ['00'.repeat(32)] },
    seats: [{ seat: 0, deviceId: undefined, addresses: [], isOwn: true, sealed: 100 }],
    coordination: [],
    own: { deviceId: undefined, seat: 0, coordinates: false },
  }),
  register: async () => accept(null),
  propose: () => reject('already-a-member', 'This relay has a seat already.'),
  vote: async () => reject('no-seat', 'This relay holds no seat, so it has no vote.'),
  submit: async () => accept(null),
}
export const FAKE_FULL: RelayFacade['full'] = {
  apply: () => accept(null),
  view: () => ({
    ...{ state: 'applying', epochSeconds: 16, votes: 0, votesNeeded: 1, refused: undefined },
    seats: [
      {
        seat: 0,
        steps: [
          { step: 'vouches', have: 1, need: 1, isMet: true },
          { step: 'probation', have: 0, need: 2, isMet: false },
        ],
        hasVoted: false,
      },
    ],
  }),
  vouch: (id) => (id === FAKE_DEVICE_ID ? accept(null) : reject('not-settled', 'No such device.')),
  applicants: () => [],
  leave: async () => reject('last-seat', 'The last seat cannot be given back.'),
}
export const FAKE_POLICY: RelayFacade['policy'] = {
  view: () => ({
    networkId: FAKE_NETWORK_ID,
    number: 0,
    owners: { threshold: 1, keys: ['00'.repeat(32)] },
    trustRoots: [],
    policy: Buffer.from(policyCodec.encode(DEFAULT_POLICY)).toString('hex'),
  }),
  submit: async () => accept(null),
}
export const FAKE_EVIDENCE: RelayFacade['evidence'] = {
  judge: async () => reject('no-certificate', 'This device came in without a certificate.'),
}
export const FAKE_RECOVERY: RelayFacade['recovery'] = {
  view: () => undefined,
  propose: () => reject('not-restored', 'This relay was not restored: there is nothing to recover.'),
  submit: async () => reject('another-proposal', 'Another recovery was begun since.'),
}

export const FAKE_WALLET_VIEW: WalletView = {
  networkId: FAKE_NETWORK_ID,
  deviceId: FAKE_DEVICE_ID,
  did: `did:lares:${FAKE_DEVICE_ID.toLowerCase()}`,
  walletId: '0a'.repeat(32),
  walletKey: '0b'.repeat(32),
  sealingKey: '0c'.repeat(32),
  height: 120,
  settledHeight: 114,
  record: {
    label: 'full + coordination',
    status: 'active',
    walletKey: '0b'.repeat(32),
    recoveryKey: '0d'.repeat(32),
    changedHeight: 1,
    isSettled: true,
    isOwn: true,
  },
  seat: { seat: 0, sealingKey: '0c'.repeat(32), recoveryKey: '0d'.repeat(32), isOwn: true },
  rotation: undefined,
}
export const FAKE_WALLET: RelayFacade['wallet'] = {
  view: () => FAKE_WALLET_VIEW,
  rotate: async () => reject('rotation-under-way', 'New keys are taking over already.'),
  proposeRecovery: async () => reject('rotation-under-way', 'The new keys are in a block.'),
  recover: async () => reject('another-proposal', 'Other keys were asked for since.'),
}

/** A facade with made-up answers, for the doors of a relay. */
export function createFakeRelay(
  override: Partial<RelayFacade> = {},
): RelayFacade & { readonly submitted: Uint8Array[] } {
  const submitted: Uint8Array[] = []
  return {
    submitted,
    status: () => FAKE_STATUS,
    labelDecision: () => labelOf(UNKNOWN_PROFILE, DEFAULT_POLICY.label),
    confirmClock: () => {},
    recovery: FAKE_RECOVERY,
    roster: FAKE_ROSTER,
    wallet: FAKE_WALLET,
    full: FAKE_FULL,
    pairing: FAKE_PAIRING,
    policy: FAKE_POLICY,
    evidence: FAKE_EVIDENCE,
    backup: () => Promise.reject(new LaresError('database-busy', 'No backup of a made-up relay.')),
    fleet: FAKE_FLEET,
    join: () => ({
      networkId: FAKE_NETWORK_ID,
      name: 'lares',
      checkpoint: { height: 6, hash: '02'.repeat(32) },
      addresses: ['/ip4/192.168.7.2/udp/4671/webrtc-direct/certhash/uEiA'],
      link: 'eyJuIjoiYWIifQ',
      shortLink: 'eyJuIjoi',
    }),
    blocks: (from, limit) =>
      Array.from({ length: Math.min(limit, 3) }, (_, index) => ({
        height: from + index,
        hash: '04'.repeat(32),
        bytes: Uint8Array.of(from, index, 251),
      })),
    async device(id) {
      if (!id.startsWith('LARES1')) return reject('malformed-id', 'This is not a Lares device ID.')
      if (id.endsWith('X')) return reject('unknown-network', 'This ID belongs to another network.')
      if (id !== FAKE_DEVICE_ID)
        return {
          ok: true,
          value: { deviceId: id, state: 'not-in-ledger', pending: false, record: undefined, bundle: FAKE_BUNDLE },
        }
      return {
        ok: true,
        value: { deviceId: id, state: 'registered', pending: false, record: FAKE_DEVICE, bundle: FAKE_BUNDLE },
      }
    },
    async submit(transaction) {
      if (transaction[0] === 0) return reject('used-voucher', 'This voucher was used already.')
      submitted.push(transaction)
      return { ok: true, value: { transactionId: '05'.repeat(32) } }
    },
    devices: (after, limit) => (after === undefined && limit > 0 ? [FAKE_DEVICE] : []),
    smallDevices: FAKE_SMALL_DEVICES,
    ...override,
  }
}
