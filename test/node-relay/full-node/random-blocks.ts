/** Blocks with transactions of every kind, on any block, from numbers alone. Names never repeat within one instance. */
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { equalBytes, toHex, ZERO_HASH } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { walletIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../../shared/identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../../../shared/identity/record.ts'
import { buildBlock } from '../../../shared/ledger/build-block.ts'
import { policyOf } from '../../../shared/ledger/policy.ts'
import { coordinationSetCodec } from '../../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY, deviceKey } from '../../../shared/ledger/state-keys.ts'
import {
  type RotateContent,
  rotateMessage,
  rotateNewKeyMessage,
  transactionCodec,
} from '../../../shared/transaction/transaction.ts'
import {
  admitKeeper,
  changeCoordination,
  changePolicy,
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
  removeKeeper,
  retire,
  rotateSeat,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { fight, reportIncident } from '../../framework/session-peer.ts'

export const KINDS = [
  'owner registers',
  'voucher',
  'rotate',
  'incident',
  'retire',
  'policy',
  'coordination',
  'admit',
  'remove',
  'seat key',
] as const
export type Kind = (typeof KINDS)[number]

const KEEPERS = 3
const FIRST_DEVICES = 2

const verifier = createNodeVerifier()

export class RandomBlocks {
  readonly builder: ChainBuilder
  /** Of what the blocks hold. */
  readonly seen = new Set<Kind>()
  readonly #relay: TestDevice
  readonly #devices: TestDevice[]
  readonly #wallets = new Map<string, Signer>()
  #names = 0

  static async found(settleDepth: number): Promise<RandomBlocks> {
    const builder = new ChainBuilder({ keepers: KEEPERS, parameters: { settleDepth } })
    const made = new RandomBlocks(builder, await foundRelay(builder))
    // Somebody to do something to, from the first block on.
    for (let i = 0; i < FIRST_DEVICES; i++)
      await made.mine(builder.tip, [['owner registers', i]], i, builder.parameters.spacingMs)
    return made
  }

  private constructor(builder: ChainBuilder, relay: TestDevice) {
    this.builder = builder
    this.#relay = relay
    this.#devices = [relay]
    this.#keep(relay.wallet)
  }

  /** A transaction that may stand on this block, or undefined where there is nothing to do it to. */
  async transaction(kind: Kind, pick: number, on: BuiltBlock): Promise<Uint8Array | undefined> {
    const { builder } = this
    builder.tip = on
    builder.waiting = []
    await this.#push(kind, pick, on)
    const [made] = builder.waiting.splice(0)
    return made
  }

  /** Mines on any block. Of what is wanted, that goes in which the rules allow together. */
  async mine(
    on: BuiltBlock,
    wanted: readonly (readonly [Kind, number])[],
    seatPick: number,
    gap: number,
  ): Promise<BuiltBlock> {
    const { builder } = this
    const { members } = on.node.roster
    const seat = members[seatPick % members.length]?.seat as number
    const time = on.block.header.time + gap
    const transactions: Uint8Array[] = []
    for (const [kind, pick] of wanted) {
      const made = await this.transaction(kind, pick, on)
      if (made === undefined) continue
      const before = { state: on.tree, roster: on.node.roster }
      const context = { ...builder.rules, height: on.node.height + 1, time }
      const { refused, signatures } = buildBlock(before, context, [...transactions, made])
      // A rotation before it in the block has made the key another one.
      const holds = await verifier.verifyBatch(signatures.at(-1) ?? [])
      if (refused.length > 0 || !holds.every(Boolean)) continue
      transactions.push(made)
      this.seen.add(kind)
    }
    return await builder.mine({ on, seat, time, transactions })
  }

  #keep(wallet: Signer): Signer {
    this.#wallets.set(toHex(wallet.publicKey), wallet)
    return wallet
  }

  #newKey(): Signer {
    return this.#keep(namedSigner(`key ${this.#names++}`))
  }

  #recordOf(device: TestDevice, on: BuiltBlock): DeviceRecord | undefined {
    const bytes = on.tree.get(deviceKey(device.deviceId))
    const record = bytes && deviceRecordCodec.decode(bytes)
    return record?.ok && record.value.status === STATUS.active ? record.value : undefined
  }

  async #push(kind: Kind, pick: number, on: BuiltBlock): Promise<void> {
    const { builder } = this
    const active = this.#devices.filter((one) => this.#recordOf(one, on) !== undefined)
    // The relay itself stays as it is: it endorses.
    const others = active.filter((one) => one !== this.#relay)
    const device = others[pick % others.length]
    const { members } = on.node.roster
    const isSeated = (one: TestDevice) =>
      members.some(({ walletId }) => equalBytes(walletId, walletIdOf(one.wallet.publicKey)))
    const seat = members[pick % members.length]?.seat as number
    const endorsers = [this.#relay]
    switch (kind) {
      case 'owner registers':
        this.#devices.push(await registerByOwner(builder, { wallet: this.#newKey(), endorsers }))
        return
      case 'voucher': {
        const voucher = await makeVoucher(builder, this.#relay, {
          name: `voucher ${this.#names++}`,
          label: LABEL.lightweight,
        })
        this.#devices.push(await registerByVoucher(builder, voucher, { wallet: this.#newKey(), endorsers }))
        return
      }
      case 'rotate':
        if (device !== undefined) await this.#rotate(device, this.#recordOf(device, on) as DeviceRecord)
        return
      case 'incident': {
        // Rotations here are by the wallet key, so a device has one at most.
        const uncontested = others.filter((one) => this.#recordOf(one, on)?.marks === 0)
        const claimed = uncontested[pick % uncontested.length]
        if (claimed === undefined) return
        const at = { networkId: builder.networkId, time: on.block.header.time }
        const duel = await fight(await this.#now(claimed, on), at)
        builder.waiting.push(transactionCodec.encode(await reportIncident(duel, endorsers)))
        return
      }
      case 'retire':
        if (device !== undefined)
          await retire(builder, await this.#now(device, on), (this.#recordOf(device, on) as DeviceRecord).sequence + 1)
        return
      case 'policy':
        await changePolicy(builder, { quotaBase: 16 + (policyOf(on.tree).number % 7) })
        return
      case 'coordination': {
        const set = coordinationSetCodec.decode(on.tree.get(COORDINATION_SET_KEY) as Uint8Array)
        const extra = set.ok
          ? set.value.members.find((one) => !equalBytes(one.deviceId, this.#relay.deviceId))
          : undefined
        const id = extra?.deviceId ?? device?.deviceId
        if (id !== undefined) await changeCoordination(builder, id, extra === undefined ? 'add' : 'remove')
        return
      }
      case 'admit':
        if (device !== undefined && !isSeated(device)) await admitKeeper(builder, device, this.#newKey())
        return
      case 'remove': {
        if (members.length === 1) return
        const member = members.find((one) => one.seat === seat)
        const seated = this.#devices.find(
          (one) => member && equalBytes(member.walletId, walletIdOf(one.wallet.publicKey)),
        )
        await removeKeeper(builder, seated?.deviceId ?? ZERO_HASH, seat)
        return
      }
      case 'seat key':
        await rotateSeat(builder, seat, this.#newKey())
    }
  }

  /** The device with the key that it has after this block. */
  async #now(device: TestDevice, on: BuiltBlock): Promise<TestDevice> {
    const key = (this.#recordOf(device, on) as DeviceRecord).walletKey
    return { ...device, wallet: this.#wallets.get(toHex(key)) as Signer }
  }

  async #rotate(device: TestDevice, record: DeviceRecord): Promise<void> {
    const { builder } = this
    const [old, wallet] = [this.#wallets.get(toHex(record.walletKey)) as Signer, this.#newKey()]
    const rotate: RotateContent = {
      deviceId: device.deviceId,
      sequence: record.sequence + 1,
      walletKey: wallet.publicKey,
      recoveryKey: record.recoveryKey,
      addresses: record.addresses,
    }
    const authority = { TAG: 'wallet' as const, data: await old.sign(rotateMessage(builder.networkId, rotate)) }
    const newKeySignature = await wallet.sign(rotateNewKeyMessage(builder.networkId, rotate))
    builder.waiting.push(transactionCodec.encode({ TAG: 'rotate', data: { rotate, authority, newKeySignature } }))
  }
}
