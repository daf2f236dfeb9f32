import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import { formatDeviceId, formatDid } from '../../shared/identity/device-id.ts'
import { labelNames, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { RotateContent } from '../../shared/transaction/transaction.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'
import type { NewKeys, NextKeys } from '../full-node/keys.ts'
import type { RotationView, WalletDesk, WalletProposal, WalletSignatures, WalletView } from './door.ts'
import { newSealingKey, newWalletKey, type SeatContent, seatTransaction, walletTransaction } from './new-keys.ts'
import { createRotation, isKey, type Named, type RotationInit } from './rotation.ts'

export interface WalletDeskInit extends RotationInit {
  readonly verifier: SignatureVerifier
  /** Whether it could stand in the next block, all but its signatures. */
  check(transaction: Uint8Array): Result<{ readonly signatures: readonly SignatureCheck[] }>
}

/** The desk, and what keeps a rotation going. */
export interface RelayWallet extends WalletDesk {
  /** Again and again. */
  look(): Promise<void>
}

/** New keys that the recovery key is asked for: nothing stands on them before it has signed, so they are in memory alone. */
interface Asked {
  readonly next: NextKeys
  /** undefined: they are kept already. */
  readonly made: NewKeys | undefined
  readonly wallet: RotateContent | undefined
  readonly seat: { readonly changeNumber: number; readonly content: SeatContent } | undefined
}

const RUN_AGAIN = 'Run "lares wallet recover" again.'

/**
 * Replaces the relay's own keys. The new ones are on disk before anything that they stand on is handed in, both are held
 * until the change is settled, and the chain alone says which are in use: see OwnKeys.
 */
export function createRelayWallet(init: WalletDeskInit): RelayWallet {
  const { keys, chain } = init
  const { networkId } = chain.rules
  const rotation = createRotation(init)
  let asked: Asked | undefined
  let turn: Promise<unknown> = Promise.resolve()

  /** One at a time. */
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }

  /** The record, where keys may be replaced at all. */
  function replaceable({ record }: Named): Result<DeviceRecord> {
    const obstacle = init.obstacle()
    if (obstacle !== undefined) return reject('not-ready', obstacle)
    // Only a settled registration cannot come again with another ID.
    if (record === undefined || rotation.atSettled()?.record === undefined)
      return reject('not-registered', 'This relay is not in the settled ledger yet; try again when it is.')
    if (record.status !== STATUS.active)
      return reject('retired', 'This relay is retired: its keys cannot be replaced any more.')
    return accept(record)
  }

  function possible(transaction: Uint8Array): Result<readonly SignatureCheck[]> {
    const checked = init.check(transaction)
    return checked.ok
      ? accept(checked.value.signatures)
      : reject(checked.code, `The ledger does not take new keys now: ${checked.detail}.`)
  }

  function attempt(write: () => void): Verdict {
    try {
      write()
      rotation.changed()
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
    const now = rotation.atTip()
    const record = replaceable(now)
    if (!record.ok) return record
    if (!isKey(record.value.walletKey, held.wallet))
      return reject(
        'another-key',
        'The ledger names a wallet key for this relay that it does not hold: "lares wallet recover" gives it new ones.',
      )
    const made = newKeys(now.member !== undefined && isKey(now.member.sealingKey, held.sealing))
    for (const transaction of await rotation.sign(signersOf(made), now)) {
      const good = possible(transaction)
      if (!good.ok) return good
    }
    const kept = attempt(() => keys.keepNext(made))
    if (!kept.ok) return kept
    await rotation.look()
    return accept(view())
  }

  /** Keys that wait already are asked for again: a third pair beside them would be one too many. */
  async function ask(): Promise<Result<WalletProposal>> {
    const now = rotation.atTip()
    const found = replaceable(now)
    if (!found.ok) return found
    const { member } = now
    const made = keys.held.next === undefined ? newKeys(member !== undefined) : undefined
    const next = keys.held.next ?? signersOf(made as NewKeys)
    const { wallet, sealing } = rotation.progress(next, now)
    const { changeNumber } = chain.tip.roster
    asked = {
      next,
      made,
      wallet: wallet ? undefined : newWalletKey(found.value, next.wallet.publicKey),
      seat:
        member === undefined || next.sealing === undefined || sealing
          ? undefined
          : { changeNumber: changeNumber + 1, content: newSealingKey(member, next.sealing.publicKey) },
    }
    if (asked.wallet === undefined && asked.seat === undefined)
      return reject('rotation-under-way', 'The new keys are in a block; wait until that is settled.')
    return accept(proposalOf(asked))
  }

  function proposalOf({ next, wallet, seat }: Asked): WalletProposal {
    return {
      networkId: toHex(networkId),
      walletKey: toHex(next.wallet.publicKey),
      wallet: wallet && {
        ...wallet,
        deviceId: toHex(wallet.deviceId),
        walletKey: toHex(wallet.walletKey),
        recoveryKey: toHex(wallet.recoveryKey),
      },
      seat: seat && {
        changeNumber: seat.changeNumber,
        seat: seat.content.seat,
        sealingKey: toHex(seat.content.sealingKey),
        recoveryKey: toHex(seat.content.recoveryKey),
      },
    }
  }

  async function recover(given: WalletSignatures): Promise<Result<WalletView>> {
    if (asked === undefined || toHex(asked.next.wallet.publicKey) !== given.walletKey)
      return reject('another-proposal', `Other keys were asked for since. ${RUN_AGAIN}`)
    const { next, made, wallet, seat } = asked
    // Kept since, by a rotation that was begun in between.
    if (made !== undefined && keys.held.next !== undefined)
      return reject('another-proposal', `Other keys are taking over since. ${RUN_AGAIN}`)
    const signed: Uint8Array[] = []
    if (wallet !== undefined && given.wallet !== undefined) {
      const authority = { TAG: 'recovery' as const, data: fromHex(given.wallet) }
      signed.push(await walletTransaction(networkId, wallet, authority, next.wallet))
    }
    const hasSeat = seat !== undefined && given.seat !== undefined
    if (hasSeat)
      signed.push(
        seatTransaction(seat.changeNumber, seat.content, { TAG: 'recovery', data: fromHex(given.seat as string) }),
      )
    if (signed.length === 0) return reject('nothing-signed', `Nothing was signed. ${RUN_AGAIN}`)
    for (const transaction of signed) {
      const good = possible(transaction)
      if (!good.ok) return good
      if (!(await init.verifier.verifyBatch(good.value)).every(Boolean))
        return reject('bad-signature', 'These are not the recovery words of this relay. Nothing was changed.')
    }
    const kept = attempt(() => {
      if (made === undefined) return keys.signNext(signed)
      // A sealing key that nobody has given to the seat would be waited for in vain.
      keys.keepNext({ ...made, sealingSeed: hasSeat || isSeatOwn() ? made.sealingSeed : undefined, signed })
    })
    if (!kept.ok) return kept
    asked = undefined
    await rotation.look()
    return accept(view())
  }

  function isSeatOwn(): boolean {
    const { member } = rotation.atTip()
    return member !== undefined && isKey(member.sealingKey, keys.held.sealing)
  }

  function rotationOf(next: NextKeys | undefined): RotationView | undefined {
    if (next === undefined) return undefined
    return {
      by: next.signed === undefined ? 'wallet' : 'recovery',
      walletKey: toHex(next.wallet.publicKey),
      sealingKey: next.sealing && toHex(next.sealing.publicKey),
      state: rotation.progress(next, rotation.atTip()).isOver ? 'in-block' : 'waiting',
    }
  }

  function view(): WalletView {
    const { record, member } = rotation.atTip()
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
        isOwn: equalBytes(record.walletKey, keys.wallet.publicKey),
      },
      seat: member && {
        seat: member.seat,
        sealingKey: toHex(member.sealingKey),
        recoveryKey: toHex(member.recoveryKey),
        isOwn: equalBytes(member.sealingKey, keys.sealing.publicKey),
      },
      rotation: rotationOf(keys.held.next),
    }
  }

  return {
    view,
    rotate: () => inTurn(begin),
    proposeRecovery: () => inTurn(ask),
    recover: (signatures) => inTurn(() => recover(signatures)),
    look: () => inTurn(rotation.look),
  }
}

function newKeys(forSeat: boolean): NewKeys {
  return { walletSeed: generateSeed(), sealingSeed: forSeat ? generateSeed() : undefined }
}

function signersOf({ walletSeed, sealingSeed }: NewKeys): NextKeys {
  return {
    wallet: createNodeSigner(walletSeed),
    sealing: sealingSeed && createNodeSigner(sealingSeed),
    signed: undefined,
  }
}
