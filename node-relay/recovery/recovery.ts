import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { checkRosterChange } from '../../shared/proof/roster-change.ts'
import { type Recovery, type RosterChange, recoveryCodec } from '../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { Restored } from '../store/chain-store.ts'
import type { LaterBlocks } from './later-blocks.ts'
import { readRecoveryFile, removeRecoveryFile, type StoredRecovery, writeRecoveryFile } from './recovery-file.ts'

/** How a restored relay stands. JSON-ready. */
export interface RecoveryView {
  /** The block that the chain was taken back to. */
  readonly height: number
  /** When the backup was made, or the chain was taken back, ms. */
  readonly time: number
  /** Peers and phones that have said where they stand. */
  readonly asked: number
  /** The newest block above it that anybody showed. */
  readonly newest:
    | { readonly height: number; readonly hash: string; readonly time: number; readonly byFullNode: boolean }
    | undefined
  /** The owners have signed; the block with it comes next. */
  readonly signed: boolean
}

/** What the owners sign, and who they are. Bytes in hex. */
export interface RecoveryProposal {
  readonly networkId: string
  readonly changeNumber: number
  readonly recovery: string
  readonly owners: { readonly threshold: number; readonly keys: readonly string[] }
}

/** A recovery that waits for its block. */
export interface PendingRecovery {
  readonly transaction: Uint8Array
  readonly recovery: Recovery
}

/**
 * Brings a restored relay back to sealing: with a new key, that the owners give it, in the block that says so. Until then it
 * seals nothing, since its old key may have sealed other headers on the same parents.
 */
export interface RelayRecovery {
  /** undefined for a relay that was not restored. */
  view(): RecoveryView | undefined
  /** The key to seal the next block with. */
  readonly sealing: Signer
  readonly pending: PendingRecovery | undefined
  /** Makes the new key and says what is to be signed. */
  propose(): Result<RecoveryProposal>
  /** Takes the owners' signatures by their number. */
  submit(proposal: string, signatures: readonly { owner: number; signature: string }[]): Promise<Result<null>>
  /** The chain has changed: once the recovery is in it, the new key is the key. */
  chainChanged(): Promise<void>
}

export interface RelayRecoveryInit {
  readonly dataDir: string
  readonly chain: FullChain
  readonly verifier: SignatureVerifier
  /** The key that this relay seals with, but for a recovery. */
  sealing(): Signer
  /** Seals with this key from now on, and keeps it. */
  replaceSealing(seed: Uint8Array): void
  /** Wallet ID of this relay, by which it finds its seat where its present sealing key has none. */
  readonly walletId: Uint8Array
  readonly laterBlocks: LaterBlocks
  readonly restored: () => Restored | undefined
  readonly clearRestored: () => Promise<void>
  readonly now: () => number
}

/** @throws {LaresError} `recovery-damaged` */
export async function createRecovery(init: RelayRecoveryInit): Promise<RelayRecovery> {
  const { dataDir, chain } = init
  const { networkId } = chain.rules
  let stored: StoredRecovery | undefined = readRecoveryFile(dataDir)
  let pending = pendingOf(stored)

  function pendingOf(one: StoredRecovery | undefined): PendingRecovery | undefined {
    const recovery = one && recoveryCodec.decode(one.recovery)
    return one?.transaction === undefined || !recovery?.ok
      ? undefined
      : { transaction: one.transaction, recovery: recovery.value }
  }

  /** Killed between the block and this, the relay finds its new key here at the next start. */
  async function finish(): Promise<void> {
    if (stored === undefined) return
    const signer = createNodeSigner(stored.seed)
    const isSeated = chain.tip.roster.members.some(({ sealingKey }) => equalBytes(sealingKey, signer.publicKey))
    if (!isSeated) return
    init.replaceSealing(stored.seed)
    await init.clearRestored()
    removeRecoveryFile(dataDir)
    stored = undefined
    pending = undefined
  }

  /** A chain that was taken back below a recovery knows the key from before it, which is gone: the seat is the relay's still. */
  function ownSeat() {
    const { members } = chain.tip.roster
    return (
      members.find(({ sealingKey }) => equalBytes(sealingKey, init.sealing().publicKey)) ??
      members.find(({ walletId }) => equalBytes(walletId, init.walletId))
    )
  }

  await finish()
  return {
    get sealing() {
      return pending === undefined || stored === undefined ? init.sealing() : createNodeSigner(stored.seed)
    },
    get pending() {
      return pending
    },
    view() {
      const restored = init.restored()
      if (restored === undefined) return undefined
      const { answered, newest } = init.laterBlocks
      return {
        height: chain.tip.height,
        time: restored.time,
        asked: answered,
        newest: newest && { ...newest, hash: toHex(newest.hash) },
        signed: pending !== undefined,
      }
    },
    propose() {
      const restored = init.restored()
      if (restored === undefined)
        return reject('not-restored', 'This relay was not restored: there is nothing to recover.')
      const member = ownSeat()
      if (member === undefined)
        return reject(
          'no-seat',
          'This relay holds no seat in its network any more, so there is nothing that it could go on with: it serves what it has, and the keepers that are left go on without it.',
        )
      const { tip } = chain
      const base = { height: tip.height, hash: tip.hash }
      const { newest } = init.laterBlocks
      const seed = stored?.seed ?? generateSeed()
      const recovery: Recovery = {
        seat: member.seat,
        sealingKey: createNodeSigner(seed).publicKey,
        recoveryKey: member.recoveryKey,
        base,
        lost: newest === undefined ? base : { height: newest.height, hash: newest.hash },
        backupTime: restored.time,
        time: Math.max(init.now(), tip.roster.recovered + 1),
      }
      const encoded = recoveryCodec.encode(recovery)
      stored = { seed, recovery: encoded, transaction: undefined }
      pending = undefined
      // Before anybody signs: a key that the owners have named and nobody holds would be the end of the network.
      writeRecoveryFile(dataDir, stored)
      const { owners, changeNumber } = tip.roster
      return accept({
        networkId: toHex(networkId),
        changeNumber: changeNumber + 1,
        recovery: toHex(encoded),
        owners: { threshold: owners.threshold, keys: owners.keys.map(toHex) },
      })
    },
    async submit(proposal, given) {
      const recovery = stored && recoveryCodec.decode(stored.recovery)
      if (stored === undefined || !recovery?.ok || toHex(stored.recovery) !== proposal)
        return reject('another-proposal', 'Another recovery was begun since: run "lares recover" again.')
      const { roster } = chain.tip
      const signatures = given.map(({ owner, signature }) => ({ owner, signature: fromHex(signature) }))
      const change: RosterChange = {
        changeNumber: roster.changeNumber + 1,
        action: { TAG: 'recover', data: { recovery: recovery.value, signatures } },
      }
      const checked = checkRosterChange(roster, change, { networkId, height: chain.tip.height + 1 })
      if (!checked.ok) return checked
      if (!(await init.verifier.verifyBatch(checked.value.signatures)).every(Boolean))
        return reject('bad-signature', 'These words are not those of the owner of this network.')
      stored = { ...stored, transaction: transactionCodec.encode({ TAG: 'rosterChange', data: change }) }
      writeRecoveryFile(dataDir, stored)
      pending = pendingOf(stored)
      return accept(null)
    },
    chainChanged: finish,
  }
}
