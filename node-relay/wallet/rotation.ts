import { equalBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import type { Result } from '../../shared/errors.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { Member, Roster } from '../../shared/roster/roster.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { NextKeys } from '../full-node/keys.ts'
import { recordOf } from '../full-node/views.ts'
import {
  newSealingKey,
  newWalletKey,
  seatMessage,
  seatTransaction,
  walletMessage,
  walletTransaction,
} from './new-keys.ts'
import type { OwnKeys } from './own-keys.ts'

export interface RotationInit {
  readonly keys: OwnKeys
  readonly chain: Pick<FullChain, 'rules' | 'tip' | 'state' | 'stateAt' | 'graph'>
  /** A sentence that says why nothing of this relay may be changed now: its chain was taken back, or is being fetched. */
  obstacle(): string | undefined
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  /** Before the old keys are gone for good: what they have signed on disk is signed anew. */
  beforeOldKeysGo(): Promise<Result<unknown>>
  log(message: string): void
}

/** What is known of the relay at one place of the chain. */
export interface Named {
  readonly record: DeviceRecord | undefined
  readonly member: Member | undefined
}

/** Which of the new keys the chain names, and whether it will name no more of them. */
export interface Progress {
  readonly wallet: boolean
  readonly sealing: boolean
  readonly isOver: boolean
}

/** Leads new keys, once they are kept, into the chain. */
export interface Rotation {
  atTip(): Named
  /** undefined while the settled state is not kept. */
  atSettled(): Named | undefined
  progress(next: NextKeys, named: Named): Progress
  /** Encoded transactions by the present keys, as they could stand in the next block; without those that are needless. */
  sign(next: NextKeys, named: Named): Promise<Uint8Array[]>
  /** Again and again: hands in what is in no block yet, and ends what is settled. */
  look(): Promise<void>
  /** The keys have changed: they are handed in whatever the tip is. */
  changed(): void
}

export function createRotation(init: RotationInit): Rotation {
  const { keys, chain } = init
  const { networkId } = chain.rules
  /** Tip on which the transactions were handed in last. */
  let handedInOn: string | undefined

  const memberOf = ({ members }: Roster) => members.find(({ walletId }) => equalBytes(walletId, keys.walletId))

  const rotation: Rotation = {
    atTip: () => ({ record: recordOf(chain.state, keys.deviceId), member: memberOf(chain.tip.roster) }),

    atSettled() {
      const { node } = chain.graph.settled
      const state = chain.stateAt(node.height)
      return state && { record: recordOf(state, keys.deviceId), member: memberOf(node.roster) }
    },

    progress(next, { record, member }) {
      const wallet = record !== undefined && isKey(record.walletKey, next.wallet)
      const sealing = next.sealing !== undefined && member !== undefined && isKey(member.sealingKey, next.sealing)
      // Whoever has the recovery key, or the owners, may have named yet another key: then ours never come. What the
      // recovery key itself has signed may come where the present keys are lost.
      const isLost = (key: Uint8Array | undefined, present: Signer) =>
        next.signed === undefined && (key === undefined || !isKey(key, present))
      const isSeatOver =
        sealing || next.sealing === undefined || member === undefined || isLost(member.sealingKey, keys.held.sealing)
      return { wallet, sealing, isOver: isSeatOver && (wallet || isLost(record?.walletKey, keys.held.wallet)) }
    },

    async sign(next, { record, member }) {
      const { held } = keys
      const { roster } = chain.tip
      const isSigned = (kind: number) => next.signed?.some((bytes) => bytes[0] === kind) === true
      const made: Uint8Array[] = []
      if (record !== undefined && isKey(record.walletKey, held.wallet) && !isSigned(KIND.rotate)) {
        const content = newWalletKey(record, next.wallet.publicKey)
        const data = await held.wallet.sign(walletMessage(networkId, content))
        made.push(await walletTransaction(networkId, content, { TAG: 'wallet', data }, next.wallet))
      }
      if (
        member !== undefined &&
        next.sealing !== undefined &&
        isKey(member.sealingKey, held.sealing) &&
        !isSigned(KIND.rosterChange)
      ) {
        const content = newSealingKey(member, next.sealing.publicKey)
        const data = await held.sealing.sign(seatMessage(networkId, roster.changeNumber + 1, content))
        made.push(seatTransaction(roster.changeNumber + 1, content, { TAG: 'member', data }))
      }
      return made
    },

    async look() {
      const { next } = keys.held
      // A chain that is behind may name keys that are long gone, which would look as if others had overtaken these.
      if (next === undefined || init.obstacle() !== undefined) return
      const settled = rotation.atSettled()
      const done = settled && rotation.progress(next, settled)
      if (done?.isOver === true) {
        const signedAnew = await init.beforeOldKeysGo()
        if (!signedAnew.ok) return init.log(`the old keys are kept: ${signedAnew.detail}`)
        keys.takeNext(done)
        return init.log(done.wallet ? 'the new keys are settled' : 'the new wallet key was overtaken by another one')
      }
      const { id } = chain.tip
      if (handedInOn === id) return
      handedInOn = id
      const now = rotation.atTip()
      if (rotation.progress(next, now).isOver) return
      for (const transaction of [...(next.signed ?? []), ...(await rotation.sign(next, now))]) {
        const taken = await init.submit(transaction)
        if (!taken.ok) init.log(`new keys not taken: ${taken.detail}`)
      }
    },

    changed() {
      handedInOn = undefined
    },
  }
  return rotation
}

export function isKey(key: Uint8Array, { publicKey }: Signer): boolean {
  return equalBytes(key, publicKey)
}
