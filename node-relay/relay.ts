import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { equalBytes, toHex } from '../shared/bytes.ts'
import type { ChainNode } from '../shared/chain/chain-node.ts'
import { restoredSentence } from '../shared/chain/recovery-words.ts'
import { presenceTimes } from '../shared/coordination/lease.ts'
import { LaresError, type Result } from '../shared/errors.ts'
import { formatDeviceId } from '../shared/identity/device-id.ts'
import { LABEL } from '../shared/identity/label.ts'
import type { NetworkParameters } from '../shared/params.ts'
import { PROTOCOLS } from '../shared/protocol/ids.ts'
import type { JoinLink } from '../shared/protocol/join-link.ts'
import { type Status, statusCodec, statusRequestCodec } from '../shared/protocol/messages.ts'
import { KIND } from '../shared/transaction/kinds.ts'
import { transactionCodec, transactionIdOf } from '../shared/transaction/transaction.ts'
import { hostOf, isSharedHost } from '../shared/transport/address.ts'
import { openContent } from './backup/content.ts'
import { createEvidenceDesk } from './certificate/evidence-desk.ts'
import { createEvidenceStore } from './certificate/evidence-store.ts'
import { createRevocationFiles } from './certificate/revocation-files.ts'
import { showEvidence } from './certificate/show-evidence.ts'
import { createDeviceServers } from './coordination/device-servers.ts'
import { endorseApplication, endorseCertified, witnessIncident } from './coordination/endorse.ts'
import { createIncidentDesk, INCIDENT_ROUND_MS } from './coordination/incident-desk.ts'
import { createJoinCounts } from './coordination/join-counts.ts'
import { createPairingDesk } from './coordination/pairing-desk.ts'
import { createPresenceDesk, PRESENCE_ROUND_MS } from './coordination/presence-desk.ts'
import { createPriceDesk } from './coordination/price-desk.ts'
import { createPuzzleDesk } from './coordination/puzzle-desk.ts'
import { createServiceDesk, SERVICE_ROUND_MS } from './coordination/service-desk.ts'
import { createSessionDesk } from './coordination/session-desk.ts'
import { createCachingVerifier } from './crypto/caching-verifier.ts'
import { nodeScrypt } from './crypto/node-scrypt.ts'
import { createPoolVerifier } from './crypto/pool-verifier.ts'
import { collectEndorsements } from './devices/collect-endorsements.ts'
import { createChallengePassing } from './devices/pass-challenge.ts'
import { createSmallDevices } from './devices/small-devices.ts'
import type { RelayFacade, RelayStatus } from './facade.ts'
import { approveClaim } from './fleet/expected.ts'
import { openFleet } from './fleet/fleet.ts'
import { createApplicant } from './full-admission/applicant.ts'
import { openExaminationsFile } from './full-admission/examinations-file.ts'
import { createExaminer } from './full-admission/examiner.ts'
import { leaveSeat } from './full-admission/leave.ts'
import { createMeasure } from './full-admission/measure.ts'
import { createStorageAnswers } from './full-admission/storage-answers.ts'
import { createAddressRecord } from './full-node/address-record.ts'
import { createBlockSource, NEWER_RULES } from './full-node/block-source.ts'
import { createBranchMemory } from './full-node/branch-memory.ts'
import { type AcceptOutcome, type ChainChange, FullChain } from './full-node/chain.ts'
import { checkTransaction } from './full-node/check-transaction.ts'
import { createEquivocationWatch } from './full-node/equivocation-watch.ts'
import { foundNetwork, loadFounding, storeFounding } from './full-node/founding.ts'
import { joinGossip } from './full-node/gossip.ts'
import { createIncidentLog } from './full-node/incidents.ts'
import { createKeeperDesk } from './full-node/keeper-desk.ts'
import { createKeys, keysLost, loadKeys, type RelayKeys } from './full-node/keys.ts'
import { type Added, createMempool } from './full-node/mempool.ts'
import { openMempoolJournal } from './full-node/mempool-journal.ts'
import { createObstacleWatch } from './full-node/obstacle-watch.ts'
import { createOwnDevice } from './full-node/own-device.ts'
import { createPeerDesk } from './full-node/peer-desk.ts'
import { ChainReader } from './full-node/proofs.ts'
import { createFacade } from './full-node/relay-facade.ts'
import { findRelayFile, writeRelayFile } from './full-node/relay-file.ts'
import { createRoleRecords } from './full-node/role-records.ts'
import { deviceRecords, recordOf } from './full-node/views.ts'
import { isLightNode } from './light-node/folder.ts'
import type { Logger } from './log.ts'
import { createDirectoryMeasure } from './metrics/directory-bytes.ts'
import { createMeter, type Meter } from './metrics/meter.ts'
import { meterNetwork } from './metrics/metered-network.ts'
import { initialTargetFor, measureHashRate } from './mining/calibrate.ts'
import { createClockGuard } from './mining/clock-guard.ts'
import { createHasher, type Hasher } from './mining/hasher.ts'
import { createMiner } from './mining/miner.ts'
import { type MinerClock, systemClock } from './mining/system-clock.ts'
import { loadNetworkIdentity } from './network/network-identity.ts'
import { RELAY_CONNECTION_LIMITS } from './network/relay-limits.ts'
import { createRelayNetwork } from './network/relay-network.ts'
import { measureOwnProfile } from './own-profile.ts'
import { createPolicyDesk } from './policy/policy-desk.ts'
import { createLaterBlocks } from './recovery/later-blocks.ts'
import { createRecovery } from './recovery/recovery.ts'
import { createRosterDesk } from './roster/roster-desk.ts'
import { serve } from './serving/handlers.ts'
import { createProofTurns } from './serving/proof-turns.ts'
import { serveSessions } from './serving/session-handlers.ts'
import { ChainStore } from './store/chain-store.ts'
import { AddressBook } from './sync/address-book.ts'
import { createAnnouncements } from './sync/announcements.ts'
import { createChainSync } from './sync/chain-sync.ts'
import { createDialler } from './sync/dialler.ts'
import { fetchGenesis } from './sync/join-network.ts'
import { addressesForBrowsers, addressesForRecord } from './sync/own-addresses.ts'
import { openPeersFile } from './sync/peers-file.ts'
import { createOwnKeys } from './wallet/own-keys.ts'
import { createRelayWallet } from './wallet/wallet-desk.ts'

/** Rounds of upkeep: blocks that were ahead of the clock, founding transactions that still wait, peers' clocks. ms */
const UPKEEP_MS = 1_000
/** Rounds of the sync: peers that were silent for long are asked, bodies that are late are asked of others. ms */
const SYNC_TICK_MS = 500
/** A peer's clock is asked this often, ms. */
const PEER_CLOCK_MS = 60_000
/** Whether this relay's addresses are those in its record is looked at this often, ms. */
const ADDRESSES_LOOK_MS = 5_000
/** Who of the keepers fell asleep is looked at this often, ms. */
const KEEPER_LOOK_MS = 10_000
/** One that has just come and said nothing is asked where it stands this often, ms. */
const NEWCOMERS_MS = 5_000
/** Whether an applicant is to be examined is looked at this often, ms. */
const EXAMINATION_LOOK_MS = 500
/** A restored relay asks who is connected for later blocks this often, ms. */
const LATER_BLOCKS_MS = 3_000
/** Longest wait for one part of the relay to close, ms. */
const STOP_DEADLINE_MS = 5_000

export interface RelayInit {
  readonly dataDir: string
  readonly version: string
  /** For a new network: its parameters; the initial target is measured. */
  readonly parameters: NetworkParameters
  readonly roles: readonly ('full' | 'coordination')[]
  /** Name of the network in join links, and of this relay on the LAN. */
  readonly name: string
  /** Share of one core that mining may use; 0: this relay does not mine. */
  readonly mineShare: number
  readonly hosts: readonly string[]
  readonly udpPort: number
  readonly wsPort: number | undefined
  readonly tcpPort: number | undefined
  /** PEM texts: a page served over HTTPS can open only secure WebSockets. */
  readonly webSocketTls?: { readonly key: string; readonly cert: string } | undefined
  readonly announce?: readonly string[]
  /** Those that a person named: they go into the ledger, too. */
  readonly announced?: readonly string[]
  /** Whether its addresses go into its record in the ledger; false: they leave it, too. Default: true. */
  readonly publishAddresses?: boolean
  /** Folder of revocation data; without it nobody joins by a certificate. */
  readonly revocation?: string | undefined
  readonly clock?: MinerClock
  readonly log: Logger
  /** The network to join at the first start, and where its relays are. */
  readonly join?: JoinLink | undefined
  /** Full nodes to stay connected to: multiaddrs with peer ID. */
  readonly peers?: readonly string[]
  /** Counts what this relay does. */
  readonly meter?: Meter
  /**
   * Called once in the life of a network, before it exists: the owner's recovery words, to be shown to a person. They are
   * kept nowhere.
   */
  onOwnerWords(words: string): void
  /** What a person at the terminal should know at once: mining has stopped for a full disk, and goes on again. */
  onNotice?(sentence: string): void
}

export interface Relay {
  readonly facade: RelayFacade
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  readonly peerId: string
  /** Remembers where the page is reached, for `voucher create`. */
  setPageUrl(url: string): void
  stop(): Promise<void>
}

/**
 * A home relay: chain, mining, serving, coordination in one process. Listens, and mines, when it returns.
 * @throws {LaresError} `port-busy`, `cannot-listen`, `database-locked`, `database-damaged`, `database-foreign`,
 *   `keys-damaged`: the message is a sentence for a person
 */
export async function createRelay(init: RelayInit): Promise<Relay> {
  const { dataDir, log } = init
  const meter = init.meter ?? createMeter()
  const clock = init.clock ?? systemClock
  const startedAt = clock.now()
  const closing: (() => Promise<void> | void)[] = []
  const stop = async () => {
    // Peers that do not answer must not keep the relay from closing its database.
    for (const close of closing.reverse().splice(0))
      await Promise.race([close(), pause(STOP_DEADLINE_MS, undefined, { ref: false })])
  }
  try {
    return await start()
  } catch (error) {
    await stop()
    throw error
  }

  async function start(): Promise<Relay> {
    const chainDirectory = join(dataDir, 'chain')
    const store = await ChainStore.open(chainDirectory)
    closing.push(() => store.close())
    const signaturePool = createPoolVerifier()
    closing.push(() => signaturePool.close())
    const verifier = createCachingVerifier(signaturePool)
    const hasher: Hasher = createHasher({
      ...(init.mineShare > 0 && { share: init.mineShare }),
      // What the share promises, it promises of the whole relay.
      otherMs() {
        const { user, system } = process.cpuUsage()
        return (user + system) / 1_000 - hasher.totals().busyMs
      },
    })
    closing.push(() => hasher.close())

    const isNew = store.genesis() === undefined
    if (isLightNode(dataDir))
      throw new LaresError(
        'another-role',
        `${dataDir} is the folder of a coordination node without blocks: start it with --roles coordination, or name another folder with --data-dir.`,
      )
    // Another network, founded in place of the one that phones know, would help nobody.
    if (isNew && findRelayFile(dataDir) !== undefined)
      throw new LaresError(
        'chain-missing',
        `The chain of this relay is no longer in ${dataDir}. Restore it from a backup, or begin a new network in another folder with --data-dir.`,
      )
    const storedKeys = isNew ? await newKeys(dataDir) : await ownKeys(dataDir)
    const identity = await loadNetworkIdentity(dataDir)
    let noteDropped = (_peer: string, _code: string) => {}
    const host = await createRelayNetwork({
      ...identity,
      hosts: init.hosts,
      udpPort: init.udpPort,
      wsPort: init.wsPort,
      tcpPort: init.tcpPort,
      webSocketTls: init.webSocketTls,
      announce: [...(init.announce ?? []), ...(init.announced ?? [])],
      onPenalty(code, points, banned, peer) {
        meter.penalty(code, points, banned)
        if (banned) noteDropped(peer, code)
      },
      log: (message, error) => log.debug({ err: error }, message),
    })
    closing.push(() => host.stop())
    const network = meterNetwork(host, meter)
    const { join: link } = init
    const genesis = !isNew
      ? undefined
      : link === undefined
        ? (await found(storedKeys)).genesis
        : await fetchGenesis(network, link)
    const chain = await FullChain.open({ store, verifier, now: clock.now, genesis })
    if (link !== undefined && !equalBytes(link.networkId, chain.rules.networkId))
      throw new LaresError(
        'another-network',
        'This relay belongs to another network than the link. Name another folder with --data-dir to join it.',
      )
    const { networkId } = chain.rules
    let noteRegistered = () => {}
    const keys = createOwnKeys({ dataDir, keys: storedKeys, chain, deviceId: () => own.deviceId })
    const own = createOwnDevice(
      chain,
      () => keys.held,
      () => noteRegistered(),
    )
    const foundingTransactions = await loadFounding(dataDir)

    const incidents = createIncidentLog(clock.now, ({ code, sentence }) => {
      meter.incident(code)
      log.warn({ code }, sentence)
    })
    const roles = createRoleRecords(chain)
    let devices = 0
    for (const record of deviceRecords(chain.state)) {
      devices++
      roles.note(record)
    }
    const peers = createPeerDesk({ network, networkId, records: roles.list, now: clock.now })
    noteDropped = peers.dropped
    const mempool = createMempool({
      networkId,
      now: clock.now,
      verifier,
      check: (bytes) => checkTransaction(chain, clock.now(), bytes),
    })
    const journal = openMempoolJournal(dataDir, mempool)
    closing.push(() => journal.close())
    const take = async (bytes: Uint8Array): Promise<Result<Added>> => {
      const added = await mempool.add(bytes)
      if (added.ok && added.value !== 'duplicate') journal.note(bytes)
      return added
    }

    const submit = async (bytes: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>> => {
      const id = transactionIdOf(networkId, bytes)
      if (store.transactionPlace(id) !== undefined) return { ok: true, value: { transactionId: id } }
      const added = await take(bytes)
      if (!added.ok) return added
      gossip.publishTransaction(bytes)
      return { ok: true, value: { transactionId: id } }
    }
    const conflicts = createBranchMemory()
    const noteOutcome = (outcome: AcceptOutcome) => {
      if (outcome.kind === 'fork' || outcome.kind === 'conflict') equivocations.see(outcome.node)
      // Once for a branch, however long it grows.
      if (outcome.kind === 'conflict' && !conflicts.continues(outcome.node))
        incidents.report(
          'settled-conflict',
          `A branch at height ${outcome.node.height} tried to roll back settled blocks and was not followed.`,
        )
    }
    const equivocations = createEquivocationWatch({
      dataDir,
      chain,
      verifier,
      submit,
      report: (seat, height) =>
        incidents.report(
          'equivocation',
          `Seat ${seat} has sealed two blocks of height ${height} on one parent. Its seat is taken away by this evidence, unless it is the last.`,
        ),
    })
    const debug = (message: string, error?: unknown) => log.debug({ err: error }, message)
    const sync = createChainSync({
      network,
      chain,
      verifier,
      now: clock.now,
      onOutcome: noteOutcome,
      onStatus: peers.said,
      onFullNode(peer) {
        dialler.foundFullNode(peer)
        services.foundFullNode(peer)
      },
      log: debug,
    })
    closing.push(() => sync.stop())
    const book = new AddressBook({ ownPeerId: network.peerId, random: randomInt })
    const peersFile = openPeersFile(dataDir)
    // What answered before counts like what a person names: a relay that starts finds its way back to those it knew.
    book.configure([...(init.peers ?? []), ...(link?.addresses ?? []), ...peersFile.read()])
    const dialler = createDialler({
      network,
      networkId,
      book,
      clock,
      recorded: () =>
        roles
          .list()
          .filter(({ label }) => (label & LABEL.full) !== 0)
          .map(({ deviceId, addresses }) => ({ device: toHex(deviceId), addresses })),
      remember: (addresses) => peersFile.write([...(link?.addresses ?? []), ...addresses]),
      log: debug,
    })
    closing.push(() => dialler.stop())
    roles.onChange(dialler.recordsChanged)
    const gossip = joinGossip({
      network,
      chain,
      submit: take,
      onAnnouncement: createAnnouncements({
        network,
        chain,
        mempool,
        onOutcome: noteOutcome,
        clock,
        onAhead: (peer) => sync.heard(peer),
        onSlow: (peer) => sync.askOthers(peer),
        log: debug,
      }),
      log: debug,
    })
    const coordinates = init.roles.includes('coordination')
    const reader = new ChainReader(chain, store)
    // Who is not in the roster serves nobody as a full node.
    const ownSeat = () =>
      chain.tip.roster.members.find(({ sealingKey }) => equalBytes(sealingKey, recovery.sealing.publicKey))?.seat
    const evidence = createEvidenceStore(join(dataDir, 'evidence'), clock.now)
    const revocation = createRevocationFiles(init.revocation, (message) => log.warn(message))
    const prices = createPriceDesk({
      chain,
      verifier,
      deviceId: () => own.deviceId,
      joins: createJoinCounts(chain),
      puzzles: createPuzzleDesk({ networkId, deviceId: () => own.deviceId, now: clock.now, scrypt: nodeScrypt }),
    })
    const quote = coordinates ? prices.quote : undefined
    const pairing = createPairingDesk({
      networkId,
      verifier,
      prices,
      deviceId: () => own.deviceId,
      approve: (claim) =>
        approveClaim(
          { networkId, deviceId: own.deviceId, wallet: keys.wallet, state: chain.state, now: clock.now },
          claim,
        ),
      random: randomBytes,
      now: clock.now,
    })
    const endorser = {
      chain,
      verifier,
      prices,
      wallet: keys.wallet,
      get deviceId() {
        return own.deviceId
      },
      now: clock.now,
      evidence,
      revocation,
    }
    const endorse = coordinates
      ? {
          endorse: (application: Uint8Array) => endorseApplication(endorser, application),
          endorseCertified: (application: Uint8Array) => endorseCertified(endorser, application),
          witness: (application: Uint8Array) => witnessIncident(endorser, application),
        }
      : undefined
    const services = createServiceDesk({
      network,
      chain,
      verifier,
      sealing: () => recovery.sealing,
      addresses: () => addressesForBrowsers(network.peerId, network.addresses(), init.announced ?? []),
      capacity: RELAY_CONNECTION_LIMITS.total,
      now: clock.now,
    })
    const smallDevices = createSmallDevices({
      chain,
      network,
      verifier,
      wallet: keys.wallet,
      get deviceId() {
        return own.deviceId
      },
      endorse,
      quote,
      submit,
      now: clock.now,
      after: (ms, task) => clock.after(ms, task),
    })
    const incidentDesk = createIncidentDesk({
      chain,
      witnesses: (application, message) =>
        collectEndorsements(
          { read: async (key) => chain.state.get(key), network, verifier, endorse },
          'witness',
          application,
          message,
        ),
      submit,
      now: clock.now,
      log: debug,
    })
    closing.push(every(INCIDENT_ROUND_MS, () => incidentDesk.look()))
    const sessions = createSessionDesk({ network, chain, verifier, now: clock.now })
    const presence = createPresenceDesk({
      network,
      networkId,
      times: presenceTimes(chain.rules.parameters),
      seat: ownSeat,
      sessions,
      servers: createDeviceServers({ chain, store, services, network, ownSeat }),
      verifier,
      random: randomBytes,
      now: clock.now,
      onDuelWon(duel) {
        incidents.report(
          'device-copied',
          `Somebody claimed device ${formatDeviceId(networkId, duel.claimed.deviceId)} with a copy of its key, and was refused. Its owner should give it a new key.`,
        )
        void incidentDesk.report(duel)
      },
      log: debug,
    })
    await serveSessions({ network, networkId, sessions, presence })
    const sealing = () => recovery.sealing
    const blockAt = (height: number) => {
      const hash = reader.hashAt(height)
      return hash && store.blockBytes(hash)
    }
    const examiner = createExaminer({
      chain,
      verifier,
      sealing,
      file: openExaminationsFile(dataDir, networkId, (message, error) => log.warn({ err: error }, message)),
      measure: createMeasure({ network, probe: host.probe, chain, blockAt, sealing, now: clock.now }),
      now: clock.now,
      random: Math.random,
    })
    const ownProfile = () =>
      measureOwnProfile({
        dataDir,
        uptimeMs: clock.now() - startedAt,
        totals: hasher.totals(),
        addresses: network.addresses(),
      })
    const ownAddresses = () => addressesForRecord(network.peerId, network.addresses(), init.announced ?? [])
    const applicant = createApplicant({
      dataDir,
      chain,
      network,
      verifier,
      wallet: keys.wallet,
      sealing,
      get deviceId() {
        return own.deviceId
      },
      fullNodes: services.fullNodes,
      addresses: ownAddresses,
      profile: ownProfile,
      submit,
      now: clock.now,
      log: debug,
    })
    await serve({
      network,
      chain,
      reader,
      mayProve: createProofTurns({ hasSession: (peer) => sessions.of(peer) !== undefined, now: clock.now }),
      label: () => (ownSeat() === undefined ? 0 : LABEL.full) | (coordinates ? LABEL.coordination : 0),
      now: clock.now,
      knownPeers: () => dialler.known(),
      serviceRecords: (seats) => services.records(seats),
      submit,
      showEvidence: (from, request) =>
        showEvidence({ chain, verifier, evidence, peerId: network.peerId, now: clock.now }, from, request),
      challenge: createChallengePassing({
        desk: smallDevices,
        network,
        fullNodes: services.fullNodes,
        sessionsOf: sessions.peersOf,
      }),
      examiner,
      showStorage: createStorageAnswers({
        chain,
        verifier,
        applicant: () => (applicant.isApplying ? own.deviceId : undefined),
        hashAt: (height) => reader.hashAt(height),
        blockAt,
        now: clock.now,
      }),
      endorse,
      quote,
      pair: coordinates ? pairing.ask : undefined,
    })

    const guard = createClockGuard({ parameters: chain.rules.parameters, genesisTime: chain.genesis.createdAt })
    const laterBlocks = createLaterBlocks({ network, networkId, verifier, tip: () => chain.tip })
    const recovery = await createRecovery({
      dataDir,
      chain,
      verifier,
      sealing: () => keys.sealing,
      replaceSealing: keys.replaceSealing,
      get walletId() {
        return keys.walletId
      },
      laterBlocks,
      restored: () => store.restored(),
      clearRestored: () => store.setRestored(undefined),
      now: clock.now,
    })
    const source = createBlockSource({
      chain,
      verifier,
      sealingKey: () => recovery.sealing.publicKey,
      recovery: () => recovery.pending,
      candidates: () => mempool.candidates(),
      refuse: (bytes, code, detail) => {
        mempool.drop(bytes)
        log.info({ code, detail }, 'a waiting transaction is no longer possible')
      },
    })
    const { lastSealed } = chain
    const miner = createMiner({
      networkId,
      parameters: chain.rules.parameters,
      hasher,
      clock,
      guard,
      source,
      signer: {
        get publicKey() {
          return recovery.sealing.publicKey
        },
        sign: (message) => recovery.sealing.sign(message),
      },
      sealedBefore:
        lastSealed === undefined ? [] : [{ parentHash: lastSealed.previousHash, headerHash: lastSealed.hash }],
      onState: (state) => {
        if (state.kind === 'clock') incidents.report(`clock-${state.fault}`, state.sentence)
        if (state.kind === 'failed') incidents.report('mining-failed', state.sentence)
        if (state.kind === 'waiting' && state.sentence === NEWER_RULES) incidents.report('update-needed', NEWER_RULES)
      },
    })
    closing.push(() => miner.stop())

    const countRegistrations = (change: ChainChange) => {
      const registrations = (blocks: ChainChange['applied']) =>
        blocks.reduce(
          (sum, { transactions }) => sum + transactions.filter((bytes) => bytes[0] === KIND.register).length,
          0,
        )
      devices += registrations(change.applied) - registrations(change.undone)
    }
    chain.onChange((change) => {
      countRegistrations(change)
      mempool.chainChanged(change)
      for (const { transactions } of change.undone)
        for (const bytes of transactions) if (mempool.has(transactionIdOf(networkId, bytes))) journal.note(bytes)
      const { outcome } = change
      for (const node of outcome.applied) equivocations.see(node)
      if (outcome.leftSettled)
        incidents.report(
          'settled-left',
          'Two thirds of the keepers sealed another branch, so settled blocks were left for it.',
        )
      else if (outcome.kind === 'reorganization')
        incidents.report(
          'reorganization',
          `${outcome.undone.length} unsettled blocks were replaced by a branch with more work.`,
        )
      meter.chainChanged(change.applied.length, change.undone.length)
      // While old blocks come in, this is no news.
      if (sync.state.phase === 'following')
        for (const { transactions } of change.applied) transactions.forEach(noteIncident)
      gossip.publishChange(outcome.applied, change.applied)
      miner.refresh()
      const restart = outcome.applied.find(({ rosterChanges }) => rosterChanges[0]?.action.TAG === 'recover')
      if (restart !== undefined) noteRecovery(restart)
    })

    function noteIncident(bytes: Uint8Array): void {
      if (bytes[0] !== KIND.incident) return
      const transaction = transactionCodec.decode(bytes)
      if (!transaction.ok || transaction.value.TAG !== 'incident') return
      const id = formatDeviceId(networkId, transaction.value.data.incident.claimed.deviceId)
      incidents.report(
        'device-contested',
        `A copy of the key of device ${id} was used; the ledger says now that it is to be verified anew.`,
      )
    }

    function noteRecovery({ rosterChanges, height }: ChainNode): void {
      const action = rosterChanges[0]?.action
      if (action?.TAG !== 'recover') return
      const { backupTime, lost } = action.data.recovery
      incidents.report('restored', restoredSentence(backupTime, height, lost.height))
      recovery.chainChanged().then(
        () => miner.refresh(),
        (error: unknown) => log.error({ err: error }, 'the new sealing key could not be stored'),
      )
    }

    const obstacles = createObstacleWatch({
      store,
      chain,
      report(code, sentence) {
        incidents.report(code, sentence)
        init.onNotice?.(sentence)
        miner.refresh()
      },
    })

    const addressRecord = createAddressRecord({
      chain,
      wallet: keys.wallet,
      deviceId: () => own.deviceId,
      wanted() {
        // New keys use up a sequence number each; the addresses come after them.
        if (keys.held.next !== undefined) return undefined
        if (init.publishAddresses === false) return []
        const addresses = ownAddresses()
        // Without a network just now, there is nothing better to say.
        return addresses.length === 0 ? undefined : addresses
      },
      submit,
      log: debug,
    })
    // Who has blocks still to fetch does not know its record.
    const isBehind = () => sync.state.phase === 'syncing' || store.restored() !== undefined
    closing.push(every(ADDRESSES_LOOK_MS, async () => void (isBehind() || (await addressRecord.look()))))

    async function upkeep(): Promise<void> {
      await obstacles.look()
      await chain.releaseHeld()
      await equivocations.offer()
      for (const bytes of foundingTransactions)
        if (store.transactionPlace(transactionIdOf(networkId, bytes)) === undefined) await submit(bytes)
    }
    closing.push(every(UPKEEP_MS, upkeep))
    closing.push(every(SERVICE_ROUND_MS, () => services.look()))
    closing.push(every(PRESENCE_ROUND_MS, async () => presence.look()))
    closing.push(every(EXAMINATION_LOOK_MS, () => examiner.look()))
    closing.push(every(applicant.roundMs, async () => void (isBehind() || (await applicant.look()))))
    closing.push(every(SYNC_TICK_MS, async () => sync.tick()))
    closing.push(every(PEER_CLOCK_MS, askClocks))
    /** Connected peers only: bounded as these are. */
    const newcomers = new Set<string>()
    closing.push(every(NEWCOMERS_MS, askNewcomers))
    const keepers = createKeeperDesk({
      chain,
      records: roles,
      ownKey: () => recovery.sealing.publicKey,
      report: incidents.report,
    })
    // While old blocks come in, who slept then is no news.
    closing.push(every(KEEPER_LOOK_MS, async () => void (sync.state.phase === 'syncing' || keepers.look())))
    if (store.restored() !== undefined) closing.push(every(LATER_BLOCKS_MS, askForLaterBlocks))

    async function askForLaterBlocks(): Promise<void> {
      if (store.restored() !== undefined) await laterBlocks.ask()
    }

    // A peer that does not say where it stands, or its time, says nothing against ours.
    async function askStatus(peer: string): Promise<Status | undefined> {
      const request = statusRequestCodec.encode({ networkId })
      const answer = await network.request(peer, PROTOCOLS.status, request).catch(() => undefined)
      const status = answer && statusCodec.decode(answer)
      if (!status?.ok) return undefined
      peers.said(peer, status.value)
      return status.value
    }

    async function askClocks(): Promise<void> {
      for (const { peerId, address } of network.peers()) {
        const status = await askStatus(peerId)
        const host = hostOf(address)
        // Nothing authenticates a peer's clock, and three strangers could stop the miner: only full nodes at different
        // addresses of the own network are heard.
        if (status !== undefined && (status.label & LABEL.full) !== 0 && host !== undefined && isSharedHost(host))
          guard.notePeerClock(host, status.time, clock.steady())
      }
    }

    // Nobody waits for the answers: a peer that keeps silent must not hold up the others, nor the end of the relay.
    async function askNewcomers(): Promise<void> {
      for (const peer of peers.silentNewcomers()) {
        if (newcomers.has(peer)) continue
        newcomers.add(peer)
        void askStatus(peer).finally(() => newcomers.delete(peer))
      }
    }

    /** Runs a task now and again and again; the returned function ends it when the run under way is over. */
    function every(ms: number, task: () => Promise<void>): () => Promise<void> {
      let cancel = () => {}
      let ended = false
      let underway: Promise<void>
      const run = () => {
        underway = task()
          .catch((error: unknown) => log.error({ err: error }, 'upkeep failed'))
          .then(() => {
            if (!ended) cancel = clock.after(ms, run)
          })
      }
      run()
      return () => {
        ended = true
        cancel()
        return underway
      }
    }

    /** Those that this relay holds, and the one that the ledger names where that is lost. */
    function earlierKeys(): Uint8Array[] {
      const { held } = keys
      const record = recordOf(chain.state, keys.deviceId)
      return [held.wallet.publicKey, held.next?.wallet.publicKey, record?.walletKey].flatMap((key) => key ?? [])
    }

    const mining = (): RelayStatus['mining'] => {
      const { state } = miner
      const percent = Math.round(init.mineShare * 100)
      const sentence =
        state.kind === 'mining'
          ? `Mining within ${percent} % of one core.`
          : state.kind === 'off'
            ? 'Mining is switched off.'
            : state.sentence
      return {
        state: state.kind === 'mining' ? 'mining' : 'stopped',
        sentence,
        hashesPerSecond: miner.hashesPerSecond(),
        share: init.mineShare,
      }
    }
    const fleet = await openFleet({
      dataDir,
      networkId,
      get deviceId() {
        return own.deviceId
      },
      wallet: keys.wallet,
      earlierKeys: earlierKeys(),
      verifier,
      chain,
      now: clock.now,
      onDamaged: (sentence) => incidents.report('fleet-damaged', sentence),
    })
    const wallet = createRelayWallet({
      keys,
      chain,
      obstacle: () =>
        chain.obstacle?.sentence ??
        (isBehind() ? 'This relay is still fetching the chain; try again in a moment.' : undefined),
      verifier,
      check: (bytes) => checkTransaction(chain, clock.now(), bytes),
      submit,
      beforeOldKeysGo: () => fleet.signAnew(),
      log: (message) => log.info(message),
    })
    closing.push(every(UPKEEP_MS, () => wallet.look()))
    const facade = createFacade({
      chain,
      fleet,
      store,
      reader,
      network,
      incidents,
      get deviceId() {
        return own.deviceId
      },
      roles: init.roles,
      name: init.name,
      version: init.version,
      startedAt,
      mining,
      profile: ownProfile,
      peers,
      keepers: () =>
        keepers.rows().map((row) => {
          const [said] = services.records([row.seat])
          return { ...row, service: said && { isBusy: said.isBusy, saidAt: said.issuedAt } }
        }),
      pendingTransactions: () => mempool.size,
      devices: () => devices,
      confirmClock: () => guard.confirm(),
      backup: () => openContent({ dataDir, store, version: init.version, now: clock.now }),
      recovery: {
        view: () => recovery.view(),
        propose: () => recovery.propose(),
        async submit(proposal, signatures) {
          const taken = await recovery.submit(proposal, signatures)
          if (taken.ok) miner.refresh()
          return taken
        },
      },
      submit,
      smallDevices,
      roster: createRosterDesk({
        chain,
        wallet: keys.wallet,
        get walletId() {
          return keys.walletId
        },
        sealing: () => recovery.sealing,
        isUpToDate: () => sync.state.phase === 'following',
        coordinates,
        join: (application) => smallDevices.join(application),
        submit,
      }),
      full: {
        apply: () => applicant.apply(),
        view: () => applicant.view(),
        vouch: (idText) => examiner.vouch(idText),
        applicants: () => examiner.applicants(),
        leave: () => leaveSeat({ chain, sealing, submit }),
      },
      pairing,
      wallet,
      policy: createPolicyDesk({ chain, submit }),
      evidence: createEvidenceDesk({
        chain,
        reader,
        network,
        sealing: () => recovery.sealing,
        evidence,
        revocation,
        now: clock.now,
      }),
    })
    const setPageUrl = (pageUrl: string | undefined) => {
      try {
        writeRelayFile(dataDir, {
          networkId: toHex(networkId),
          deviceId: toHex(own.deviceId),
          pageUrl,
          link: facade.join().link,
        })
      } catch (error) {
        // A full disk must not stop the relay; the file is written anew at each start.
        log.warn({ err: error }, 'relay.json could not be written')
      }
    }
    noteRegistered = () => setPageUrl(findRelayFile(dataDir)?.pageUrl)
    noteRegistered()
    meter.watch({
      status: facade.status,
      hashes: () => hasher.totals().hashes,
      storeBytes: createDirectoryMeasure(chainDirectory),
    })
    journal
      .restore()
      .catch((error: unknown) => log.error({ err: error }, 'what waited before could not be offered again'))
    if (init.mineShare > 0) miner.start()
    // A block that was sealed just before a crash may have reached nobody.
    if (lastSealed !== undefined && equalBytes(lastSealed.hash, chain.tip.hash)) {
      const block = store.block(lastSealed.hash)
      if (block !== undefined) gossip.publishChange([chain.tip], [block])
    }
    log.info({ networkId: toHex(networkId), height: chain.tip.height }, 'relay started')
    return {
      facade,
      networkId,
      get deviceId() {
        return own.deviceId
      },
      peerId: network.peerId,
      setPageUrl,
      stop,
    }

    async function found(keys: RelayKeys) {
      const rate = await measureHashRate(hasher)
      const parameters = { ...init.parameters, initialTarget: initialTargetFor(rate, init.parameters) }
      const founding = await foundNetwork({
        keys,
        parameters,
        now: clock.now(),
        coordination: init.roles.includes('coordination'),
      })
      // Before the chain: once that has its genesis, these can never be signed again.
      storeFounding(dataDir, founding.transactions)
      // And so must the words be: a relay that dies right here founds another network at its next start.
      init.onOwnerWords(founding.words)
      return founding
    }
  }
}

/** The keys that belong to a chain. @throws {LaresError} `keys-damaged`, also when they are missing */
async function ownKeys(dataDir: string): Promise<RelayKeys> {
  try {
    return await loadKeys(dataDir)
  } catch (error) {
    if (!(error instanceof LaresError) || error.code !== 'no-keys') throw error
    throw new LaresError('keys-damaged', keysLost(`The key file of the relay in ${dataDir} is missing.`), {
      cause: error,
    })
  }
}

/** The keys of a relay whose first start was cut off are still good; nothing of it is on any chain. */
async function newKeys(dataDir: string): Promise<RelayKeys> {
  try {
    return await loadKeys(dataDir)
  } catch (error) {
    if (error instanceof LaresError && error.code === 'no-keys') return await createKeys(dataDir)
    throw error
  }
}
