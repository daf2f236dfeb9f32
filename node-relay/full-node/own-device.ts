import { equalBytes } from '../../shared/bytes.ts'
import { ownerAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from './chain.ts'
import type { RelayKeys } from './keys.ts'
import { deviceRecords, recordOf } from './views.ts'

export interface OwnDevice {
  /** The relay's device ID: that of its registration, or the one that its founder's registration would have. */
  readonly deviceId: Uint8Array
}

/**
 * Which device this relay is. One that founded its network is known by its wallet alone; one that joined has an ID that
 * depends on its voucher, and finds itself in the chain. Whose wallet key was replaced has its ID beside its keys.
 *
 * @param onRegistered called when a registration of this wallet comes into the chain
 */
export function createOwnDevice(chain: FullChain, keys: () => RelayKeys, onRegistered: () => void): OwnDevice {
  const walletKey = keys().wallet.publicKey
  const { networkId } = chain.rules
  const founder = deviceIdOf(networkId, walletKey, ownerAnchor(walletKey))
  let deviceId = find()

  function find(): Uint8Array {
    const { device } = keys()
    if (device !== undefined) return device.deviceId
    return recordOf(chain.state, founder) === undefined ? (findByWallet() ?? founder) : founder
  }

  function findByWallet(): Uint8Array | undefined {
    const walletId = walletIdOf(walletKey)
    for (const record of deviceRecords(chain.state))
      if (record.status === STATUS.active && equalBytes(record.walletId, walletId)) return record.deviceId
    return undefined
  }

  chain.onChange(({ applied }) => {
    for (const bytes of applied.flatMap(({ transactions }) => transactions)) {
      const transaction = bytes[0] === KIND.register ? transactionCodec.decode(bytes) : undefined
      if (!transaction?.ok || transaction.value.TAG !== 'register') continue
      const { claim } = transaction.value.data
      // Who has stolen a key that was replaced could register with it.
      if (!equalBytes(claim.walletKey, walletKey) || keys().device !== undefined) continue
      deviceId = deviceIdOf(networkId, claim.walletKey, claim.anchor)
      onRegistered()
    }
  })

  return {
    get deviceId() {
      return deviceId
    },
  }
}
