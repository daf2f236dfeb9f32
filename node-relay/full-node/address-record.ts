import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import type { Result } from '../../shared/errors.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import type { StateReader } from '../../shared/ledger/state-overlay.ts'
import { rotateMessage, rotateNewKeyMessage, transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from './chain.ts'
import { recordOf } from './views.ts'

/** Addresses that stand in the record are not replaced for so many blocks after its last change: a day of the home preset. */
export const SAME_ADDRESSES_BLOCKS = 2_880
/** A change that came into no block is handed in again after so many, should it have been forgotten. */
const HAND_IN_AGAIN_BLOCKS = 20

export interface AddressRecordInit {
  readonly chain: Pick<FullChain, 'tip' | 'rules'> & { readonly state: StateReader }
  readonly wallet: Signer
  deviceId(): Uint8Array
  /** What should stand in the record; undefined: not known now, so that stays which is there. */
  wanted(): readonly string[] | undefined
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  log(message: string): void
}

/**
 * Keeps this relay's addresses in its record in the ledger, so that who has the chain finds it. By itself, since nobody would
 * think of a command when the router has given out other addresses; and slowly, since every change is in the chain for ever.
 */
export function createAddressRecord(init: AddressRecordInit): { look(): Promise<void> } {
  const { chain, wallet } = init
  /** What was wanted at the last look: an address that comes and goes is not written. */
  let before: string | undefined
  let handedIn: { readonly content: string; readonly height: number } | undefined

  async function handIn(addresses: readonly string[], deviceId: Uint8Array, sequence: number, recoveryKey: Uint8Array) {
    const { networkId } = chain.rules
    const rotate = { deviceId, sequence, walletKey: wallet.publicKey, recoveryKey, addresses: [...addresses] }
    const [signature, newKeySignature] = await Promise.all([
      wallet.sign(rotateMessage(networkId, rotate)),
      wallet.sign(rotateNewKeyMessage(networkId, rotate)),
    ])
    const data = { rotate, authority: { TAG: 'wallet' as const, data: signature }, newKeySignature }
    const taken = await init.submit(transactionCodec.encode({ TAG: 'rotate', data }))
    init.log(taken.ok ? `addresses for the record: ${addresses.join(' ')}` : `addresses not taken: ${taken.detail}`)
  }

  return {
    async look() {
      const record = recordOf(chain.state, init.deviceId())
      const wanted = init.wanted()
      if (record === undefined || wanted === undefined) return
      // A key that was replaced is no longer ours to sign with, and without a role there are no addresses.
      if (!equalBytes(record.walletKey, wallet.publicKey)) return
      if (record.status !== STATUS.active || record.label === LABEL.lightweight) return
      const text = [...wanted].sort().join(' ')
      const isSteady = before === text
      before = text
      if (!isSteady || [...record.addresses].sort().join(' ') === text) return
      const { height } = chain.tip
      if (record.addresses.length > 0 && height - record.changedHeight < SAME_ADDRESSES_BLOCKS) return
      const sequence = record.sequence + 1
      const content = `${toHex(record.deviceId)} ${sequence} ${text}`
      if (handedIn?.content === content && height - handedIn.height < HAND_IN_AGAIN_BLOCKS) return
      handedIn = { content, height }
      await handIn(wanted, record.deviceId, sequence, record.recoveryKey)
    },
  }
}
