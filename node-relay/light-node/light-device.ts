import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError, type Result, reject } from '../../shared/errors.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../../shared/identity/record.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { submitAnswerCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { parseVoucher } from '../../shared/protocol/voucher-text.ts'
import { endorsementMessage, hashApplication, type Register } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { registerWithVoucher } from '../device-agent/registration.ts'
import { collectEndorsements } from '../devices/collect-endorsements.ts'
import { createAddressRecord } from '../full-node/address-record.ts'
import type { LightChain } from './light-chain.ts'
import type { LightView } from './light-view.ts'

/** The registration as it was handed in: whoever has no chain to search knows its own ID by it. */
const REGISTRATION_FILE = 'registration'
/** Servers that a transaction is handed to, until one takes it. */
const MAX_SUBMITS = 3

export interface LightDeviceInit {
  readonly dataDir: string
  readonly network: PeerNetwork
  readonly verifier: SignatureVerifier
  readonly wallet: Signer
  readonly chain: LightChain
  readonly view: LightView
  /** Addresses for the own record; undefined: not known now. */
  addresses(): readonly string[] | undefined
  /** This node has an ID from now on, should its registration come into the ledger. */
  onRegistered(): void
  log(message: string): void
}

/** This node as a device of the ledger. */
export interface LightDevice {
  /** undefined: it has never asked to be registered. */
  readonly deviceId: Uint8Array | undefined
  /** As it was last proven; undefined: not in the settled ledger, as far as known. */
  readonly record: DeviceRecord | undefined
  /** @param recoveryKey public half of the words that the command line made */
  register(voucher: string, recoveryKey: Uint8Array): Promise<Result<null>>
  submit(transaction: Uint8Array): Promise<Result<null>>
  /** Looks at the own record, and keeps this node's addresses in it. */
  look(): Promise<void>
}

/** @throws {LaresError} `registration-damaged` */
export function openLightDevice(init: LightDeviceInit): LightDevice {
  const { chain, view, wallet, network, verifier } = init
  const { networkId } = chain.rules
  const path = join(init.dataDir, REGISTRATION_FILE)
  let deviceId = idOf(readRegistration(path), networkId)
  let record: DeviceRecord | undefined

  async function submit(transaction: Uint8Array): Promise<Result<null>> {
    let refused: Result<null> = reject('no-server', 'No full node could be reached; try again in a moment.')
    for (const peer of view.servers.inOrder().slice(0, MAX_SUBMITS)) {
      const answer = await view.servers.ask(peer, 'submit', transaction)
      const said = answer.ok ? submitAnswerCodec.decode(answer.value) : answer
      if (!said.ok) continue
      if (said.value.TAG === 'accepted') return { ok: true, value: null }
      refused = reject(said.value.data.code, said.value.data.detail)
    }
    return refused
  }

  /** @throws {LaresError} `view-unavailable`, `view-stale`: there is nothing to go by */
  async function read(key: Uint8Array): Promise<Uint8Array | undefined> {
    const proven = await view.state.read(key)
    if (!proven.ok) throw new LaresError(proven.code, proven.detail)
    return proven.value
  }

  async function readRecord(): Promise<DeviceRecord | undefined> {
    const value = deviceId && (await read(deviceKey(deviceId)))
    const decoded = value && deviceRecordCodec.decode(value)
    return decoded?.ok ? decoded.value : undefined
  }

  async function endorsed(transaction: Uint8Array, register: Register): Promise<Result<Uint8Array>> {
    const message = endorsementMessage(networkId, hashApplication(register))
    const collecting = { read, network, verifier, endorse: undefined }
    try {
      const endorsements = await collectEndorsements(collecting, 'endorse', transaction, message)
      if (!endorsements.ok) return endorsements
      const data = { ...register, endorsements: endorsements.value }
      return { ok: true, value: transactionCodec.encode({ TAG: 'register', data }) }
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return reject(
        'not-ready',
        `This node does not see the ledger as it is now (${error.message}); try again in a moment.`,
      )
    }
  }

  const addressRecord = createAddressRecord({
    chain: {
      rules: chain.rules,
      get tip() {
        return chain.tip
      },
      state: { get: () => record && deviceRecordCodec.encode(record) },
    },
    wallet,
    deviceId: () => deviceId ?? new Uint8Array(),
    wanted: init.addresses,
    submit,
    log: init.log,
  })

  return {
    get deviceId() {
      return deviceId
    },
    get record() {
      return record
    },
    async register(text, recoveryKey) {
      const voucher = parseVoucher(text, networkId)
      if (!voucher.ok) return voucher
      if (record !== undefined) return { ok: true, value: null }
      // Nobody can vouch before the first block has registered its founder.
      if (chain.tip.height === 0) return reject('not-ready', 'This network has no block yet; try again in a moment.')
      const { transaction } = await registerWithVoucher(voucher.value, wallet, recoveryKey)
      const register = readRegister(transaction) as Register
      const whole = await endorsed(transaction, register)
      if (!whole.ok) return whole
      // Before it is handed in: nobody else would tell this node which device it is.
      writeFileAtomic(path, transaction)
      deviceId = idOf(register, networkId)
      init.onRegistered()
      return await submit(whole.value)
    },
    submit,
    async look() {
      try {
        record = await readRecord()
      } catch (error) {
        if (!(error instanceof LaresError)) throw error
        // What is not known now stays as it was.
        return
      }
      if (record !== undefined && record.label !== LABEL.lightweight) await addressRecord.look()
    },
  }

  function readRegistration(file: string): Register | undefined {
    let bytes: Uint8Array
    try {
      bytes = new Uint8Array(readFileSync(file))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const register = readRegister(bytes)
    if (register !== undefined && equalBytes(register.claim.walletKey, wallet.publicKey)) return register
    throw new LaresError(
      'registration-damaged',
      `The file ${file} is damaged, or of another node: it says which device this is. Move the folder away and let the node in anew.`,
    )
  }
}

function readRegister(bytes: Uint8Array): Register | undefined {
  const transaction = transactionCodec.decode(bytes)
  return transaction.ok && transaction.value.TAG === 'register' ? transaction.value.data : undefined
}

function idOf(register: Register | undefined, networkId: Uint8Array): Uint8Array | undefined {
  return register && deviceIdOf(networkId, register.claim.walletKey, register.claim.anchor)
}
