import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId, formatDid } from '../../shared/identity/device-id.ts'
import { labelNames, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { Member, Roster } from '../../shared/roster/roster.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { NewKeys, NextKeys } from '../full-node/keys.ts'
import { recordOf } from '../full-node/views.ts'
import type { RotationView, WalletDesk, WalletView } from './door.ts'
import {
  newSealingKey,
  newWalletKey,
  seatMessage,
  seatTransaction,
  walletMessage,
  walletTransaction,
} from './new-keys.ts'
import type { OwnKeys } from './own-keys.ts'

export interface WalletDeskInit {
  readonly keys: OwnKeys
  readonly chain: Pick<FullChain, 'rules' | 'tip' | 'state' | 'stateAt' | 'graph'>
  /** A sentence that says why nothing of this relay may be changed now: its chain was taken back, or is being fetched. */
  obstacle(): string | undefined
  /** Whether it could stand in the next block, all but its signatures. */
  check(transaction: Uint8Array): Result<unknown>
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  /** Before the old keys are gone for good: what they have signed on disk is signed anew. */
  beforeOldKeysGo(): Promise<Result<unknown>>
  log(message: string): void
}

/** The desk, and what keeps a rotation going. */
export interface RelayWallet extends WalletDesk {
  /** Again and again: hands in what is in no block yet, and ends what is settled. */
  look(): Promise<void>
}

/** What is known of the relay at one place of the chain. */
interface Named {
  readonly record: DeviceRecord | undefined
  readonly member: Member | undefined
}

/**
 * Replaces the relay's own keys. The new ones are on disk before anything is signed with them, both are held until the
 * change is settled, and the chain alone says which are in use: see {@link OwnKeys}.
 */
export function createRelayWallet(init: WalletDeskInit): RelayWallet {
  const { keys, chain } = init
  const { networkId } = chain.rules
  /** Tip on which the transactions were handed in last. */
  let handedInOn: string | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const memberOf = ({ members }: Roster) => members.find(({ walletId }) => equalBytes(walletId, keys.walletId))

  const atTip = (): Named => ({
    record: recordOf(chain.state, keys.deviceId),
    member: memberOf(chain.tip.roster),
  })

  /** undefined while the settled state is not kept. */
  function atSettled(): Named | undefined {
    const { node } = chain.graph.settled
    const state = chain.stateAt(node.height)
    return state && { record: recordOf(state, keys.deviceId), member: memberOf(node.roster) }
  }

  /** Both transactions by the present keys, as they could stand in the next block; without those that are needless. */
  async function sign(next: Pick<NextKeys, 'wallet' | 'sealing'>, { record, member }: Named): Promise<Uint8Array[]> {
    const { held } = keys
    const { roster } = chain.tip
    const made: Uint8Array[] = []
    if (record !== undefined && isKey(record.walletKey, held.wallet)) {
      const content = newWalletKey(record, next.wallet.publicKey)
      const data = await held.wallet.sign(walletMessage(networkId, content))
      made.push(await walletTransaction(networkId, content, { TAG: 'wallet', data }, next.wallet))
    }
    if (member !== undefined && next.sealing !== undefined && isKey(member.sealingKey, held.sealing)) {
      const content = newSealingKey(member, next.sealing.publicKey)
      const data = await held.sealing.sign(seatMessage(networkId, roster, content))
      made.push(seatTransaction(roster, content, { TAG: 'member', data }))
    }
    return made
  }

  /** What names the new keys where the chain is now, and what else it can name that ends the wait for them. */
  function progress(next: NextKeys, { record, member }: Named) {
    const wallet = record !== undefined && isKey(record.walletKey, next.wallet)
    const sealing = next.sealing !== undefined && member !== undefined && isKey(member.sealingKey, next.sealing)
    // Whoever has the recovery key, or the owners, may have named yet another key: then ours never come.
    const isLost = (key: Uint8Array | undefined, present: Signer) =>
      next.signed === undefined && (key === undefined || !isKey(key, present))
    return {
      wallet,
      sealing,
      isOver:
        (wallet || isLost(record?.walletKey, keys.held.wallet)) &&
        (sealing || next.sealing === undefined || member === undefined || isLost(member.sealingKey, keys.held.sealing)),
    }
  }

  async function step(): Promise<void> {
    const { next } = keys.held
    // A chain that is behind may name keys that are long gone, which would look as if others had overtaken these.
    if (next === undefined || init.obstacle() !== undefined) return
    const settled = atSettled()
    if (settled !== undefined) {
      const { wallet, sealing, isOver } = progress(next, settled)
      if (isOver) {
        const signedAnew = await init.beforeOldKeysGo()
        if (!signedAnew.ok) return init.log(`the old keys are kept: ${signedAnew.detail}`)
        keys.takeNext({ wallet, sealing })
        return init.log(wallet ? 'the new keys are settled' : 'the new wallet key was overtaken by another one')
      }
    }
    const { id } = chain.tip
    if (handedInOn === id) return
    handedInOn = id
    for (const transaction of next.signed ?? (await sign(next, atTip()))) {
      const taken = await init.submit(transaction)
      if (!taken.ok) init.log(`new keys not taken: ${taken.detail}`)
    }
  }

  /** One at a time. */
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }

  function keep(made: NewKeys): Result<null> {
    try {
      keys.keepNext(made)
      handedInOn = undefined
      return accept(null)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const why = code === 'ENOSPC' ? 'the disk is full' : `the system says ${code ?? (error as Error).message}`
      return reject('keys-not-written', `The new keys could not be written (${why}). Nothing was changed.`)
    }
  }

  async function begin(): Promise<Result<WalletView>> {
    const { held } = keys
    if (held.next !== undefined)
      return reject(
        'rotation-under-way',
        'New keys are taking over already, and go on by themselves; see "lares wallet show".',
      )
    const obstacle = init.obstacle()
    if (obstacle !== undefined) return reject('not-ready', obstacle)
    const now = atTip()
    // Only a settled registration cannot come again with another ID.
    if (now.record === undefined || atSettled()?.record === undefined)
      return reject('not-registered', 'This relay is not in the settled ledger yet; try again when it is.')
    if (now.record.status !== STATUS.active)
      return reject('retired', 'This relay is retired: its keys cannot be replaced any more.')
    if (!isKey(now.record.walletKey, held.wallet))
      return reject('another-key', 'The ledger names a wallet key for this relay that it does not hold.')
    const hasSeat = now.member !== undefined && isKey(now.member.sealingKey, held.sealing)
    const made: NewKeys = { walletSeed: generateSeed(), sealingSeed: hasSeat ? generateSeed() : undefined }
    const next = {
      wallet: createNodeSigner(made.walletSeed),
      sealing: made.sealingSeed && createNodeSigner(made.sealingSeed),
    }
    for (const transaction of await sign(next, now)) {
      const possible = init.check(transaction)
      if (!possible.ok) return reject(possible.code, `The ledger does not take new keys now: ${possible.detail}.`)
    }
    const kept = keep(made)
    if (!kept.ok) return kept
    await step()
    return accept(view())
  }

  function rotationOf({ next }: OwnKeys['held']): RotationView | undefined {
    if (next === undefined) return undefined
    return {
      by: next.signed === undefined ? 'wallet' : 'recovery',
      walletKey: toHex(next.wallet.publicKey),
      sealingKey: next.sealing && toHex(next.sealing.publicKey),
      state: progress(next, atTip()).isOver ? 'in-block' : 'waiting',
    }
  }

  function view(): WalletView {
    const { record, member } = atTip()
    const settledHeight = chain.graph.settled.node.height
    return {
      networkId: toHex(networkId),
      deviceId: formatDeviceId(networkId, keys.deviceId),
      did: formatDid(networkId, keys.deviceId),
      walletId: toHex(keys.walletId),
      walletKey: toHex(keys.wallet.publicKey),
      sealingKey: toHex(keys.sealing.publicKey),
      height: chain.tip.height,
      settledHeight,
      record: record && {
        label: labelNames(record.label).join(' + '),
        status: record.status === STATUS.retired ? 'retired' : 'active',
        walletKey: toHex(record.walletKey),
        recoveryKey: toHex(record.recoveryKey),
        changedHeight: record.changedHeight,
        isSettled: record.changedHeight <= settledHeight,
        isOwn: isKey(record.walletKey, keys.wallet),
      },
      seat: member && {
        seat: member.seat,
        sealingKey: toHex(member.sealingKey),
        recoveryKey: toHex(member.recoveryKey),
        isOwn: isKey(member.sealingKey, keys.sealing),
      },
      rotation: rotationOf(keys.held),
    }
  }

  return { view, rotate: () => inTurn(begin), look: () => inTurn(step) }
}

function isKey(key: Uint8Array, { publicKey }: Signer): boolean {
  return equalBytes(key, publicKey)
}
