import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { equalBytes, toHex } from '../shared/bytes.ts'
import type { ChainNode } from '../shared/chain/chain-node.ts'
import { restoredSentence } from '../shared/chain/recovery-words.ts'
import { LaresError, type Result } from '../shared/errors.ts'
import { ownerAnchor } from '../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../shared/identity/device-id.ts'
import { LABEL } from '../shared/identity/label.ts'
import type { NetworkParameters } from '../shared/params.ts'
import { PROTOCOLS } from '../shared/protocol/ids.ts'
import { statusCodec, statusRequestCodec } from '../shared/protocol/messages.ts'
import { KIND } from '../shared/transaction/kinds.ts'
import { transactionIdOf } from '../shared/transaction/transaction.ts'
import { hostOf, isSharedHost } from '../shared/transport/address.ts'
import { openContent } from './backup/content.ts'
import { endorseApplication } from './coordination/endorse.ts'
import { createCachingVerifier } from './crypto/caching-verifier.ts'
import { createNodeVerifier } from './crypto/node-verifier.ts'
import { createSmallDevices } from './devices/small-devices.ts'
import type { RelayFacade, RelayStatus } from './facade.ts'
import { openFleet } from './fleet/fleet.ts'
import { createBlockSource, NEWER_RULES } from './full-node/block-source.ts'
import { type ChainChange, FullChain } from './full-node/chain.ts'
import { checkTransaction } from './full-node/check-transaction.ts'
import { foundNetwork, loadFounding, storeFounding } from './full-node/founding.ts'
import { joinGossip } from './full-node/gossip.ts'
import { createIncidentLog } from './full-node/incidents.ts'
import { createKeys, keysLost, loadKeys, type RelayKeys } from './full-node/keys.ts'
import { createMempool } from './full-node/mempool.ts'
import { createObstacleWatch } from './full-node/obstacle-watch.ts'
import { ChainReader } from './full-node/proofs.ts'
import { createFacade } from './full-node/relay-facade.ts'
import { findRelayFile, writeRelayFile } from './full-node/relay-file.ts'
import { deviceRecords } from './full-node/views.ts'
import type { Logger } from './log.ts'
import { createDirectoryMeasure } from './metrics/directory-bytes.ts'
import { createMeter, type Meter } from './metrics/meter.ts'
import { meterNetwork } from './metrics/metered-network.ts'
import { initialTargetFor, measureHashRate } from './mining/calibrate.ts'
import { createClockGuard } from './mining/clock-guard.ts'
import { createHasher } from './mining/hasher.ts'
import { createMiner } from './mining/miner.ts'
import { type MinerClock, systemClock } from './mining/system-clock.ts'
import { loadNetworkIdentity } from './network/network-identity.ts'
import { createRelayNetwork } from './network/relay-network.ts'
import { createLaterBlocks } from './recovery/later-blocks.ts'
import { createRecovery } from './recovery/recovery.ts'
import { serve } from './serving/handlers.ts'
import { ChainStore } from './store/chain-store.ts'

/** Rounds of upkeep: blocks that were ahead of the clock, founding transactions that still wait, peers' clocks. ms */
const UPKEEP_MS = 1_000
/** A peer's clock is asked this often, ms. */
const PEER_CLOCK_MS = 60_000
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
  readonly clock?: MinerClock
  readonly log: Logger
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
    const verifier = createCachingVerifier(createNodeVerifier())
    const hasher = createHasher(init.mineShare > 0 ? { share: init.mineShare } : {})
    closing.push(() => hasher.close())

    const isNew = store.genesis() === undefined
    // Another network, founded in place of the one that phones know, would help nobody.
    if (isNew && findRelayFile(dataDir) !== undefined)
      throw new LaresError(
        'chain-missing',
        `The chain of this relay is no longer in ${dataDir}. Restore it from a backup, or begin a new network in another folder with --data-dir.`,
      )
    const keys = isNew ? await newKeys(dataDir) : await ownKeys(dataDir)
    const founding = isNew ? await found(keys) : undefined
    const chain = await FullChain.open({ store, verifier, now: clock.now, genesis: founding?.genesis })
    const { networkId } = chain.rules
    const deviceId = deviceIdOf(networkId, keys.wallet.publicKey, ownerAnchor(keys.wallet.publicKey))
    const foundingTransactions = await loadFounding(dataDir)

    const incidents = createIncidentLog(clock.now, ({ code, sentence }) => {
      meter.incident(code)
      log.warn({ code }, sentence)
    })
    const mempool = createMempool({
      networkId,
      now: clock.now,
      verifier,
      check: (bytes) => checkTransaction(chain, clock.now(), bytes),
    })
    const identity = await loadNetworkIdentity(dataDir)
    const host = await createRelayNetwork({
      ...identity,
      hosts: init.hosts,
      udpPort: init.udpPort,
      wsPort: init.wsPort,
      tcpPort: init.tcpPort,
      webSocketTls: init.webSocketTls,
      announce: init.announce ?? [],
      onPenalty: meter.penalty,
      log: (message, error) => log.debug({ err: error }, message),
    })
    closing.push(() => host.stop())
    const network = meterNetwork(host, meter)

    const submit = async (bytes: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>> => {
      const id = transactionIdOf(networkId, bytes)
      if (store.transactionPlace(id) !== undefined) return { ok: true, value: { transactionId: id } }
      const added = await mempool.add(bytes)
      if (!added.ok) return added
      gossip.publishTransaction(bytes)
      return { ok: true, value: { transactionId: id } }
    }
    const gossip = joinGossip({
      network,
      chain,
      submit: (bytes) => mempool.add(bytes),
      onOutcome: (outcome) => {
        if (outcome.kind === 'conflict')
          incidents.report(
            'settled-conflict',
            `A branch at height ${outcome.node.height} tried to roll back settled blocks and was not followed.`,
          )
      },
      log: (message, error) => log.debug({ err: error }, message),
    })
    const coordinates = init.roles.includes('coordination')
    const reader = new ChainReader(chain, store)
    const endorse = coordinates
      ? (application: Uint8Array) =>
          endorseApplication({ chain, verifier, wallet: keys.wallet, deviceId, now: clock.now }, application)
      : undefined
    await serve({
      network,
      chain,
      reader,
      label: LABEL.full | (coordinates ? LABEL.coordination : 0),
      now: clock.now,
      submit,
      endorse,
    })

    const guard = createClockGuard({ parameters: chain.rules.parameters, genesisTime: chain.genesis.createdAt })
    const laterBlocks = createLaterBlocks({ network, networkId, verifier, tip: () => chain.tip })
    const recovery = await createRecovery({
      dataDir,
      chain,
      verifier,
      sealing: keys.sealing,
      walletId: walletIdOf(keys.wallet.publicKey),
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

    let devices = 0
    for (const _ of deviceRecords(chain.state)) devices++
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
      const { outcome } = change
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
      gossip.publishChange(outcome.applied, change.applied)
      miner.refresh()
      const restart = outcome.applied.find(({ rosterChanges }) => rosterChanges[0]?.action.TAG === 'recover')
      if (restart !== undefined) noteRecovery(restart)
    })

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

    async function upkeep(): Promise<void> {
      await obstacles.look()
      await chain.releaseHeld()
      for (const bytes of foundingTransactions)
        if (store.transactionPlace(transactionIdOf(networkId, bytes)) === undefined) await submit(bytes)
    }
    closing.push(every(UPKEEP_MS, upkeep))
    closing.push(every(PEER_CLOCK_MS, askClocks))
    if (store.restored() !== undefined) closing.push(every(LATER_BLOCKS_MS, askForLaterBlocks))

    async function askForLaterBlocks(): Promise<void> {
      if (store.restored() !== undefined) await laterBlocks.ask()
    }

    async function askClocks(): Promise<void> {
      const request = statusRequestCodec.encode({ networkId })
      for (const { peerId, address } of network.peers()) {
        // A peer that does not say its time says nothing against ours.
        const answer = await network.request(peerId, PROTOCOLS.status, request).catch(() => undefined)
        const status = answer && statusCodec.decode(answer)
        const host = hostOf(address)
        // Nothing authenticates a peer's clock, and three strangers could stop the miner: only full nodes at different
        // addresses of the own network are heard.
        if (status?.ok && (status.value.label & LABEL.full) !== 0 && host !== undefined && isSharedHost(host))
          guard.notePeerClock(host, status.value.time, clock.steady())
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

    const mining = (): RelayStatus['mining'] => {
      const { state } = miner
      const percent = Math.round(init.mineShare * 100)
      const sentence =
        state.kind === 'mining'
          ? `Mining with ${percent} % of one core.`
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
      deviceId,
      wallet: keys.wallet,
      verifier,
      chain,
      now: clock.now,
      onDamaged: (sentence) => incidents.report('fleet-damaged', sentence),
    })
    const facade = createFacade({
      chain,
      fleet,
      store,
      reader,
      network,
      incidents,
      deviceId,
      roles: init.roles,
      name: init.name,
      version: init.version,
      startedAt,
      mining,
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
      smallDevices: createSmallDevices({
        chain,
        network,
        verifier,
        wallet: keys.wallet,
        deviceId,
        endorse,
        submit,
        now: clock.now,
        after: (ms, task) => clock.after(ms, task),
      }),
    })
    const setPageUrl = (pageUrl: string | undefined) => {
      try {
        writeRelayFile(dataDir, {
          networkId: toHex(networkId),
          deviceId: toHex(deviceId),
          pageUrl,
          link: facade.join().link,
        })
      } catch (error) {
        // A full disk must not stop the relay; the file is written anew at each start.
        log.warn({ err: error }, 'relay.json could not be written')
      }
    }
    setPageUrl(findRelayFile(dataDir)?.pageUrl)
    meter.watch({
      status: facade.status,
      hashes: () => hasher.totals().hashes,
      storeBytes: createDirectoryMeasure(chainDirectory),
    })
    if (init.mineShare > 0) miner.start()
    // A block that was sealed just before a crash may have reached nobody.
    if (lastSealed !== undefined && equalBytes(lastSealed.hash, chain.tip.hash)) {
      const block = store.block(lastSealed.hash)
      if (block !== undefined) gossip.publishChange([chain.tip], [block])
    }
    log.info({ networkId: toHex(networkId), height: chain.tip.height }, 'relay started')
    return { facade, networkId, deviceId, peerId: network.peerId, setPageUrl, stop }

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
