/** Transactions for the chain builder: devices, vouchers, coordination nodes, roster changes. */
import { asciiBytes, compareBytes } from '../../shared/bytes.ts'
import { type ServiceContent, type ServiceRecord, serviceMessage } from '../../shared/coordination/service-record.ts'
import { createSeedSigner, type Signer } from '../../shared/crypto/signer.ts'
import { sha256 } from '../../shared/hash.ts'
import { ownerAnchor, voucherAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../shared/identity/label.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY } from '../../shared/ledger/state-keys.ts'
import type { Policy } from '../../shared/policy/policy.ts'
import { publicVoucher, type VoucherSecret } from '../../shared/protocol/voucher-text.ts'
import { ownerMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import {
  type Claim,
  type Evidence,
  endorsementMessage,
  hashApplication,
  hashClaim,
  type Register,
  registerWalletMessage,
  voucherClaimMessage,
  voucherMessage,
} from '../../shared/transaction/register.ts'
import { hashChangeContent, type Recovery, type RosterAction } from '../../shared/transaction/roster-change.ts'
import {
  hashCoordinationContent,
  hashPolicy,
  retireMessage,
  rotateMessage,
  rotateNewKeyMessage,
  transactionCodec,
} from '../../shared/transaction/transaction.ts'
import { type BuiltBlock, type ChainBuilder, namedSigner } from './chain-builder.ts'

/** A device that is, or could be, in the ledger. */
export interface TestDevice {
  readonly deviceId: Uint8Array
  readonly wallet: Signer
  readonly recovery: Signer
}

/** An owner registers a device, by default a relay: full and coordination. Waits for the next block. */
export async function registerByOwner(
  chain: ChainBuilder,
  init: { readonly wallet: Signer; readonly label?: number; readonly endorsers?: readonly TestDevice[] },
): Promise<TestDevice> {
  const { wallet, label = LABEL.full | LABEL.coordination } = init
  const recovery = namedSigner(`recovery of ${label} ${wallet.publicKey.join()}`)
  const claim: Claim = {
    label,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey: recovery.publicKey,
    anchor: ownerAnchor(wallet.publicKey),
    profile: sha256(asciiBytes('profile')),
    addresses: [],
  }
  const signature = await chain.owner.sign(ownerMessage(chain.networkId, KIND.register, hashClaim(claim)))
  const evidence: Evidence = { TAG: 'owners', data: [{ owner: 0, signature }] }
  chain.waiting.push(await signedRegister(chain, claim, evidence, wallet, init.endorsers ?? []))
  return { deviceId: deviceIdOf(chain.networkId, claim.walletKey, claim.anchor), wallet, recovery }
}

/** A voucher by a device with the right to vouch; its one-time key follows from `name`. */
export async function makeVoucher(
  chain: ChainBuilder,
  issuer: TestDevice,
  init: { readonly name?: string; readonly notAfter?: number; readonly label?: number } = {},
): Promise<VoucherSecret> {
  const seed = sha256(asciiBytes(init.name ?? 'voucher'))
  const notAfter = init.notAfter ?? chain.tip.block.header.time + 86_400_000
  const label = init.label ?? LABEL.lightweight
  const open = { issuer: issuer.deviceId, voucherKey: createSeedSigner(seed).publicKey, notAfter, label }
  const signature = await issuer.wallet.sign(voucherMessage(chain.networkId, open))
  return { version: 1, networkId: chain.networkId, seed, issuer: issuer.deviceId, notAfter, label, signature }
}

/** A phone registers with a voucher. Waits for the next block. */
export async function registerByVoucher(
  chain: ChainBuilder,
  secret: VoucherSecret,
  init: { readonly wallet: Signer; readonly endorsers?: readonly TestDevice[] },
): Promise<TestDevice> {
  const { wallet } = init
  const recovery = namedSigner(`recovery of ${wallet.publicKey.join()}`)
  const voucher = publicVoucher(secret)
  const claim: Claim = {
    label: secret.label,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey: recovery.publicKey,
    anchor: voucherAnchor(voucher.voucherKey),
    profile: sha256(asciiBytes('profile')),
    addresses: [],
  }
  const claimSignature = await createSeedSigner(secret.seed).sign(voucherClaimMessage(chain.networkId, claim))
  const evidence: Evidence = { TAG: 'voucher', data: { voucher, claimSignature } }
  chain.waiting.push(await signedRegister(chain, claim, evidence, wallet, init.endorsers ?? []))
  return { deviceId: deviceIdOf(chain.networkId, claim.walletKey, claim.anchor), wallet, recovery }
}

async function signedRegister(
  chain: ChainBuilder,
  claim: Claim,
  evidence: Evidence,
  wallet: Signer,
  endorsers: readonly TestDevice[],
): Promise<Uint8Array> {
  const application = hashApplication({ claim, evidence })
  const register: Register = {
    claim,
    evidence,
    endorsements: await Promise.all(endorsers.map((endorser) => endorse(chain, endorser, { claim, evidence }))),
    walletSignature: await wallet.sign(registerWalletMessage(chain.networkId, application)),
  }
  register.endorsements.sort((a, b) => compareBytes(a.deviceId, b.deviceId))
  return transactionCodec.encode({ TAG: 'register', data: register })
}

/** What a coordination node signs for a newcomer. */
export async function endorse(
  chain: ChainBuilder,
  endorser: TestDevice,
  register: Pick<Register, 'claim' | 'evidence'>,
): Promise<{ deviceId: Uint8Array; signature: Uint8Array }> {
  const message = endorsementMessage(chain.networkId, hashApplication(register))
  return { deviceId: endorser.deviceId, signature: await endorser.wallet.sign(message) }
}

/** An owner puts a device into the coordination set, or takes it out. Waits for the next block. */
export async function changeCoordination(
  chain: ChainBuilder,
  deviceId: Uint8Array,
  action: 'add' | 'remove' = 'add',
): Promise<void> {
  const set = coordinationSetCodec.decode(chain.tip.tree.get(COORDINATION_SET_KEY) as Uint8Array)
  if (!set.ok) throw new Error(set.detail)
  const change = { setNumber: set.value.number + 1, action, deviceId }
  const message = ownerMessage(chain.networkId, KIND.coordinationChange, hashCoordinationContent(change))
  const approval = { TAG: 'owners' as const, data: [{ owner: 0, signature: await chain.owner.sign(message) }] }
  chain.waiting.push(transactionCodec.encode({ TAG: 'coordinationChange', data: { change, approval } }))
}

/** Registers keeper 0 as a relay that coordinates: three blocks, as a home relay does at its first start. */
export async function foundRelay(chain: ChainBuilder): Promise<TestDevice> {
  const relay = await registerByOwner(chain, { wallet: chain.keeper(0) })
  await chain.mine()
  await changeCoordination(chain, relay.deviceId)
  await chain.mine()
  return relay
}

/** An owner gives a registered device a seat. Waits for the next block. */
export async function admitKeeper(chain: ChainBuilder, device: TestDevice, sealing: Signer): Promise<void> {
  const { roster } = chain.tip.node
  const admit = {
    deviceId: device.deviceId,
    walletId: walletIdOf(device.wallet.publicKey),
    sealingKey: sealing.publicKey,
    recoveryKey: device.recovery.publicKey,
    seat: roster.nextSeat,
  }
  const approve = (signature: Uint8Array): RosterAction => ({
    TAG: 'admit',
    data: { admit, approval: { TAG: 'owners', data: [{ owner: 0, signature }] } },
  })
  await pushRosterChange(chain, approve)
  chain.addSealer(sealing)
}

/** What the holder of a seat says of where it serves. */
export async function sayService(
  chain: Pick<ChainBuilder, 'networkId'>,
  sealing: Signer,
  content: Pick<ServiceContent, 'seat' | 'issuedAt'> & Partial<ServiceContent>,
): Promise<ServiceRecord> {
  const said = { isBusy: false, addresses: [serviceAddress(`Seat${content.seat}`)], ...content }
  return { ...said, signature: await sealing.sign(serviceMessage(chain.networkId, said)) }
}

export function serviceAddress(peerId: string): string {
  return `/ip4/192.168.1.20/udp/4671/webrtc-direct/certhash/u1/p2p/${peerId}`
}

/** An owner takes a seat away. Waits for the next block. */
export async function removeKeeper(chain: ChainBuilder, deviceId: Uint8Array, seat: number): Promise<void> {
  await pushRosterChange(chain, (signature) => ({
    TAG: 'remove',
    data: { remove: { deviceId, seat }, approval: { TAG: 'owners', data: [{ owner: 0, signature }] } },
  }))
}

/** An owner gives a seat another sealing key. Waits for the next block. */
export async function rotateSeat(chain: ChainBuilder, seat: number, sealing: Signer): Promise<void> {
  const recoveryKey = chain.tip.node.roster.members.find((member) => member.seat === seat)?.recoveryKey
  if (recoveryKey === undefined) throw new Error(`no seat ${seat}`)
  const rotate = { seat, sealingKey: sealing.publicKey, recoveryKey }
  await pushRosterChange(chain, (signature) => ({
    TAG: 'rotateKey',
    data: { rotate, authority: { TAG: 'owners', data: [{ owner: 0, signature }] } },
  }))
  chain.addSealer(sealing)
}

/**
 * An owner lets the first keeper go on from an older block with a new key. Waits for the next block, which that key seals.
 * @returns the encoded transaction
 */
export async function recoverKeeper(
  chain: ChainBuilder,
  init: {
    readonly base: BuiltBlock
    readonly lost: BuiltBlock
    readonly sealing: Signer
    readonly change?: Partial<Recovery>
  },
): Promise<Uint8Array> {
  const { base, lost, sealing } = init
  const { roster } = base.node
  const member = roster.members[0]
  if (member === undefined) throw new Error('no keeper')
  const recovery: Recovery = {
    seat: member.seat,
    sealingKey: sealing.publicKey,
    recoveryKey: member.recoveryKey,
    base: { height: base.node.height, hash: base.node.hash },
    lost: { height: lost.node.height, hash: lost.node.hash },
    backupTime: base.block.header.time,
    time: base.block.header.time + chain.parameters.spacingMs,
    ...init.change,
  }
  await pushRosterChange(chain, (signature) => ({
    TAG: 'recover',
    data: { recovery, signatures: [{ owner: 0, signature }] },
  }))
  chain.addSealer(sealing)
  return chain.waiting.at(-1) as Uint8Array
}

/** The owners change the policy. Waits for the next block. */
export async function changePolicy(chain: ChainBuilder, change: Partial<Policy>): Promise<void> {
  const present = policyOf(chain.tip.tree)
  const policy = { ...present, number: present.number + 1, ...change }
  const signature = await chain.owner.sign(ownerMessage(chain.networkId, KIND.policy, hashPolicy(policy)))
  chain.waiting.push(
    transactionCodec.encode({ TAG: 'policy', data: { policy, signatures: [{ owner: 0, signature }] } }),
  )
}

async function pushRosterChange(chain: ChainBuilder, make: (signature: Uint8Array) => RosterAction): Promise<void> {
  const changeNumber = chain.tip.node.roster.changeNumber + 1
  const content = hashChangeContent(changeNumber, make(new Uint8Array(64)))
  const signature = await chain.owner.sign(ownerMessage(chain.networkId, KIND.rosterChange, content))
  chain.waiting.push(transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber, action: make(signature) } }))
}

/** A device retires by its wallet key. Waits for the next block. */
export async function retire(chain: ChainBuilder, device: TestDevice, sequence = 1): Promise<void> {
  const content = { deviceId: device.deviceId, sequence }
  const signature = await device.wallet.sign(retireMessage(chain.networkId, content))
  const authority = { TAG: 'wallet' as const, data: signature }
  chain.waiting.push(transactionCodec.encode({ TAG: 'retire', data: { retire: content, authority } }))
}

/** A device with a role puts its addresses into its record. Waits for the next block. */
export async function announceAddresses(
  chain: ChainBuilder,
  device: TestDevice,
  addresses: readonly string[],
  sequence = 1,
): Promise<void> {
  const rotate = {
    deviceId: device.deviceId,
    sequence,
    walletKey: device.wallet.publicKey,
    recoveryKey: device.recovery.publicKey,
    addresses: [...addresses],
  }
  const signature = await device.wallet.sign(rotateMessage(chain.networkId, rotate))
  const newKeySignature = await device.wallet.sign(rotateNewKeyMessage(chain.networkId, rotate))
  const data = { rotate, authority: { TAG: 'wallet' as const, data: signature }, newKeySignature }
  chain.waiting.push(transactionCodec.encode({ TAG: 'rotate', data }))
}
