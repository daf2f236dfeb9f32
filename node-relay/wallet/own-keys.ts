import { equalBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { walletIdOf } from '../../shared/identity/device-id.ts'
import type { FullChain } from '../full-node/chain.ts'
import {
  keepNextKeys,
  type NewKeys,
  type RelayKeys,
  replaceSealingKey,
  signNextKeys,
  takeNextKeys,
} from '../full-node/keys.ts'
import { recordOf } from '../full-node/views.ts'

/**
 * The keys of this relay, each as the tip names it: while one takes over from another both are held, and a block, a
 * reorganization or a restart decides anew which of them signs. So no header is ever sealed with a key that its parent's
 * roster does not have, and which key seals follows from the parent alone.
 */
export interface OwnKeys {
  /** Signs for the device. */
  readonly wallet: Signer
  /** Seals headers and signs votes. */
  readonly sealing: Signer
  readonly deviceId: Uint8Array
  /** Of the first wallet key: by it a seat is known. */
  readonly walletId: Uint8Array
  /** As they are kept. */
  readonly held: RelayKeys
  /** Keeps new keys until they have taken over. @throws as {@link keepNextKeys} */
  keepNext(keys: NewKeys): void
  /** The recovery key has signed for those that are kept. @throws as {@link signNextKeys} */
  signNext(signed: readonly Uint8Array[]): void
  /** They have taken over, those that have; the old ones are gone. @throws as {@link takeNextKeys} */
  takeNext(take: { readonly wallet: boolean; readonly sealing: boolean }): void
  /** Another sealing key at once: that of an owners' recovery. @throws as {@link replaceSealingKey} */
  replaceSealing(seed: Uint8Array): void
}

export interface OwnKeysInit {
  readonly dataDir: string
  readonly keys: RelayKeys
  readonly chain: Pick<FullChain, 'tip' | 'state'>
  /** Where the keys do not say it. */
  deviceId(): Uint8Array
}

export function createOwnKeys(init: OwnKeysInit): OwnKeys {
  const { dataDir, chain } = init
  let held = init.keys

  const deviceId = () => held.device?.deviceId ?? init.deviceId()
  const walletId = () => held.device?.walletId ?? walletIdOf(held.wallet.publicKey)

  function wallet(): Signer {
    const { next } = held
    const record = next && recordOf(chain.state, deviceId())
    return next !== undefined && record !== undefined && equalBytes(record.walletKey, next.wallet.publicKey)
      ? next.wallet
      : held.wallet
  }

  function sealing(): Signer {
    const next = held.next?.sealing
    return next !== undefined &&
      chain.tip.roster.members.some(({ sealingKey }) => equalBytes(sealingKey, next.publicKey))
      ? next
      : held.sealing
  }

  return {
    wallet: present(wallet),
    sealing: present(sealing),
    get deviceId() {
      return deviceId()
    },
    get walletId() {
      return walletId()
    },
    get held() {
      return held
    },
    keepNext(keys) {
      held = keepNextKeys(dataDir, { deviceId: deviceId(), walletId: walletId() }, keys)
    },
    signNext(signed) {
      held = signNextKeys(dataDir, signed)
    },
    takeNext(take) {
      held = takeNextKeys(dataDir, take)
    },
    replaceSealing(seed) {
      held = replaceSealingKey(dataDir, seed)
    },
  }
}

/** For those that hold a signer for long: it is asked which key it is each time. */
function present(signer: () => Signer): Signer {
  return {
    get publicKey() {
      return signer().publicKey
    },
    sign: (message) => signer().sign(message),
  }
}
