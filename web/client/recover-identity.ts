import { equalBytes } from '../../shared/bytes.ts'
import { decodeRecoveryWords, deriveSeed } from '../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { networkTagOf, parseDeviceId } from '../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import { rotateMessage, rotateNewKeyMessage, transactionCodec } from '../../shared/transaction/transaction.ts'
import type { Outcome } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import type { Identity } from './identity.ts'
import type { ClientPorts } from './ports.ts'
import { NO_ED25519, recoveryFailure, STORAGE_REFUSED } from './sentences.ts'

/** The words wait this long for the headers to be caught up, ms. */
const READY_MS = 5_000

/**
 * Brings an ID back: the words give its recovery key, which signs a rotation to a new wallet key of this browser. The ID,
 * its trust and its history stay. What the ledger says of the ID is proven first, so that wrong words are known at once.
 */
export async function recoverIdentity(
  access: ChainAccess,
  identity: Identity,
  ports: ClientPorts,
  typed: { readonly words: string; readonly deviceId: string },
): Promise<Outcome<null>> {
  const { record } = identity
  if (record !== undefined && !identity.isLost && record.failure === undefined && record.state !== 'retired')
    return recoveryFailure('has-identity')
  const id = parseDeviceId(typed.deviceId)
  if (!id.ok) return recoveryFailure('malformed-id')
  const { networkId } = access
  const { deviceId, networkTag } = id.value
  if (!equalBytes(networkTag, networkTagOf(networkId))) return recoveryFailure('id-of-other-network')
  const list = await ports.loadWords().catch(() => undefined)
  if (list === undefined) return recoveryFailure('no-words')
  const entropy = decodeRecoveryWords(typed.words, list)
  if (!entropy.ok) return recoveryFailure(entropy.code, entropy.detail)
  const recovery = createSeedSigner(deriveSeed(entropy.value, 'recovery'))
  entropy.value.fill(0)

  const isReady = () => access.phase === 'following' || access.phase === 'asleep'
  await access.until(isReady, READY_MS)
  const tip = access.graph?.tip
  const state = tip && isReady() ? await access.query(tip, deviceKey(deviceId)) : undefined
  if (state?.kind !== 'proven') return recoveryFailure('cannot-check')
  const read = state.value === undefined ? undefined : readDeviceRecord(state.value, deviceId)
  if (read?.ok !== true) return recoveryFailure('id-not-in-ledger')
  const device = read.value
  if (!equalBytes(device.recoveryKey, recovery.publicKey)) return recoveryFailure('words-of-another')
  if (device.status !== STATUS.active) return recoveryFailure('id-retired')
  // A relay's keys belong on the relay.
  if (device.label !== LABEL.lightweight) return recoveryFailure('not-a-browser')

  const wallet = await ports.createWallet()
  if (!wallet.ok) return NO_ED25519
  const rotate = {
    deviceId,
    sequence: device.sequence + 1,
    walletKey: wallet.value.publicKey,
    recoveryKey: device.recoveryKey,
    addresses: [],
  }
  const data = {
    rotate,
    authority: { TAG: 'recovery' as const, data: await recovery.sign(rotateMessage(networkId, rotate)) },
    newKeySignature: await wallet.value.sign(rotateNewKeyMessage(networkId, rotate)),
  }
  const application = transactionCodec.encode({ TAG: 'rotate', data })
  try {
    const refused = await identity.begin(
      {
        state: 'joining',
        deviceId,
        anchor: device.anchor,
        label: device.label,
        application,
        transaction: application,
        done: [],
        failure: undefined,
      },
      wallet.value.keyPair,
    )
    return refused ?? { ok: true, value: null }
  } catch (error) {
    if (!(error instanceof LaresError)) throw error
    return STORAGE_REFUSED
  }
}
