/**
 * Makes the examples of docs/PROTOCOL.md: one small network with named keys, on whose chain every kind of transaction
 * stands once. Nothing in it is random, so the file is the same wherever it is made.
 */
import { certificateEvidenceCodec } from '../../../shared/admission/certificate-evidence.ts'
import { asciiBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import { createSeedSigner, type Signer } from '../../../shared/crypto/signer.ts'
import { sha256 } from '../../../shared/hash.ts'
import { hashHeader, type SealedHeader } from '../../../shared/header/header.ts'
import { certificateAnchor, ownerAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../../shared/identity/label.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { ownerMessage, voteMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  approvalMessage,
  type Claim,
  type Evidence,
  hashApplication,
  registerWalletMessage,
} from '../../../shared/transaction/register.ts'
import {
  hashChangeContent,
  hashMotion,
  memberMessage,
  type RosterAction,
} from '../../../shared/transaction/roster-change.ts'
import {
  hashPolicy,
  type RotateContent,
  renewalEndorsementMessage,
  renewalMessage,
  rotateMessage,
  rotateNewKeyMessage,
  transactionCodec,
} from '../../../shared/transaction/transaction.ts'
import {
  endorse,
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
  retire,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { fight, reportIncident } from '../../framework/session-peer.ts'

/** Seed of a named key: the SHA-256 of its name. */
export function seedOf(name: string): Uint8Array {
  return sha256(asciiBytes(name))
}

const signerOf = (name: string): Signer => createSeedSigner(seedOf(name))

/** An example certificate's key, DER: an Ed25519 SubjectPublicKeyInfo (RFC 8410). */
export const CERTIFIED_KEY = Uint8Array.from([
  ...[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
  ...signerOf('vectors certified').publicKey,
])

const KEEPERS = 3
const HOUR_MS = 3_600_000

/** Evidence for {@link CERTIFIED_KEY}: stand-ins for the certificates and the signature, which ECDSA makes anew each time. */
export const EXAMPLE_EVIDENCE = certificateEvidenceCodec.encode({
  version: 1,
  chain: [Uint8Array.of(0x30, 3, 2, 1, 1), Uint8Array.of(0x30, 3, 2, 1, 2)],
  nonce: seedOf('settled header'),
  signature: Uint8Array.of(0x30, 6, 2, 1, 7, 2, 1, 9),
})

export interface ProtocolChain {
  readonly chain: ChainBuilder
  /** Keeper 0: full and coordination. */
  readonly relay: TestDevice
  /** Registered with {@link voucher}; stays as it is. */
  readonly phone: TestDevice
  readonly voucher: Awaited<ReturnType<typeof makeVoucher>>
  /** Encoded transactions by name, each accepted by the ledger at its place. */
  readonly transactions: Readonly<Record<string, Uint8Array>>
  /** Height of the block that holds {@link phone}. */
  readonly phoneHeight: number
}

/** @returns a chain of some thirty blocks, every rule kept */
export async function buildProtocolChain(): Promise<ProtocolChain> {
  const chain = new ChainBuilder({ name: 'vectors', keepers: KEEPERS, trustRoots: [seedOf('issuer')] })
  const transactions: Record<string, Uint8Array> = {}

  /** Mines what waits; the one transaction gets a name. */
  async function mine(name: string): Promise<void> {
    const [bytes, more] = chain.waiting
    if (bytes === undefined || more !== undefined) throw new Error(`${name}: one transaction a block`)
    transactions[name] = bytes
    await chain.mine()
  }

  const relay = await foundRelay(chain)
  transactions['registerOwners'] = chain.at(1).block.transactions[0] as Uint8Array
  transactions['coordinationChange'] = chain.at(2).block.transactions[0] as Uint8Array

  const voucher = await makeVoucher(chain, relay, { name: 'vectors voucher' })
  const phone = await registerByVoucher(chain, voucher, { wallet: signerOf('vectors phone'), endorsers: [relay] })
  await mine('registerVoucher')
  const phoneHeight = chain.tip.node.height

  async function registerWith(name: string, claim: Claim, evidence: Evidence, wallet: Signer): Promise<void> {
    const data = {
      claim,
      evidence,
      endorsements: [await endorse(chain, relay, { claim, evidence })],
      walletSignature: await wallet.sign(registerWalletMessage(chain.networkId, hashApplication({ claim, evidence }))),
    }
    chain.waiting.push(transactionCodec.encode({ TAG: 'register', data }))
    await mine(name)
  }
  const claimOf = (wallet: Signer, recovery: Signer, change: Partial<Claim> = {}): Claim => ({
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey: recovery.publicKey,
    anchor: ownerAnchor(wallet.publicKey),
    profile: seedOf('profile'),
    addresses: [],
    ...change,
  })
  const soon = () => chain.tip.block.header.time + HOUR_MS

  const sensor = signerOf('vectors sensor')
  const sensorRecovery = signerOf('vectors sensor recovery')
  const claim = claimOf(sensor, sensorRecovery)
  const approval = { issuer: relay.deviceId, evidence: seedOf('pairing code'), notAfter: soon() }
  const signature = await relay.wallet.sign(approvalMessage(chain.networkId, claim, approval))
  await registerWith('registerApproval', claim, { TAG: 'approval', data: { ...approval, signature } }, sensor)
  const sensorId = deviceIdOf(chain.networkId, sensor.publicKey, claim.anchor)

  const lock = signerOf('vectors lock')
  await registerWith(
    'registerCertificate',
    claimOf(lock, signerOf('vectors lock recovery'), {
      assurance: ASSURANCE.certified,
      anchor: certificateAnchor(CERTIFIED_KEY),
    }),
    { TAG: 'certificate', data: { issuer: seedOf('issuer'), evidence: seedOf('certificate'), notAfter: soon() } },
    lock,
  )

  const renewal = {
    deviceId: deviceIdOf(chain.networkId, lock.publicKey, certificateAnchor(CERTIFIED_KEY)),
    sequence: 1,
    issuer: seedOf('issuer'),
    evidence: sha256(EXAMPLE_EVIDENCE),
    notAfter: soon() + HOUR_MS,
  }
  const renewed = {
    renewal,
    endorsements: [
      {
        deviceId: relay.deviceId,
        signature: await relay.wallet.sign(renewalEndorsementMessage(chain.networkId, renewal)),
      },
    ],
    authority: { TAG: 'wallet' as const, data: await lock.sign(renewalMessage(chain.networkId, renewal)) },
  }
  chain.waiting.push(transactionCodec.encode({ TAG: 'evidence', data: renewed }))
  await mine('evidence')

  const newWallet = signerOf('vectors sensor, second key')
  const content: RotateContent = {
    deviceId: sensorId,
    sequence: 1,
    walletKey: newWallet.publicKey,
    recoveryKey: sensorRecovery.publicKey,
    addresses: [],
  }
  const rotate = {
    rotate: content,
    authority: { TAG: 'wallet' as const, data: await sensor.sign(rotateMessage(chain.networkId, content)) },
    newKeySignature: await newWallet.sign(rotateNewKeyMessage(chain.networkId, content)),
  }
  chain.waiting.push(transactionCodec.encode({ TAG: 'rotate', data: rotate }))
  await mine('rotate')
  await retire(chain, { deviceId: sensorId, wallet: newWallet, recovery: sensorRecovery }, 2)
  await mine('retire')

  const policy = { ...DEFAULT_POLICY, number: 1, quotaBase: 32, trustRoots: [seedOf('root certificate')] }
  const owned = await chain.owner.sign(ownerMessage(chain.networkId, KIND.policy, hashPolicy(policy)))
  chain.waiting.push(
    transactionCodec.encode({ TAG: 'policy', data: { policy, signatures: [{ owner: 0, signature: owned }] } }),
  )
  await mine('policy')

  const thing = { deviceId: renewal.deviceId, wallet: lock }
  const duel = await fight(thing, { networkId: chain.networkId, time: chain.tip.block.header.time })
  chain.waiting.push(transactionCodec.encode(await reportIncident(duel, [relay])))
  await mine('incident')

  await changeRoster(chain, mine)
  await chain.mineMany(2 * chain.parameters.settleDepth)
  return { chain, relay, phone, voucher, transactions, phoneHeight }
}

/** Every action on the roster, once; rotate key by each authority. */
async function changeRoster(chain: ChainBuilder, mine: (name: string) => Promise<void>): Promise<void> {
  const none = new Uint8Array(64)
  const nextNumber = () => chain.tip.node.roster.changeNumber + 1
  const submit = async (name: string, action: RosterAction) => {
    const data = { changeNumber: nextNumber(), action }
    chain.waiting.push(transactionCodec.encode({ TAG: 'rosterChange', data }))
    await mine(name)
  }
  const contentOf = (action: RosterAction) => hashChangeContent(nextNumber(), action)
  const byOwner = async (action: RosterAction) => [
    {
      owner: 0,
      signature: await chain.owner.sign(ownerMessage(chain.networkId, KIND.rosterChange, contentOf(action))),
    },
  ]

  const seats: TestDevice[] = []
  for (const name of ['vectors keeper 1', 'vectors keeper 2', 'vectors newcomer']) {
    seats.push(
      await registerByOwner(chain, { wallet: signerOf(name), label: LABEL.full, endorsers: await coordinators() }),
    )
    await chain.mine()
  }
  const [second, third, newcomer] = seats as [TestDevice, TestDevice, TestDevice]
  async function coordinators(): Promise<TestDevice[]> {
    const wallet = chain.keeper(0)
    const deviceId = deviceIdOf(chain.networkId, wallet.publicKey, ownerAnchor(wallet.publicKey))
    return [{ deviceId, wallet, recovery: wallet }]
  }

  const sealing = signerOf('vectors newcomer seal')
  const admit = {
    deviceId: newcomer.deviceId,
    walletId: walletIdOf(newcomer.wallet.publicKey),
    sealingKey: sealing.publicKey,
    recoveryKey: newcomer.recovery.publicKey,
    seat: KEEPERS,
  }
  const expires = chain.tip.node.height + 100
  const motion = hashMotion({ TAG: 'admit', data: { admit, approval: { TAG: 'votes', data: [] } } })
  const votes = await Promise.all(
    [0, 1].map(async (seat) => ({
      seat,
      expires,
      signature: await chain.keeper(seat).sign(voteMessage(chain.networkId, KIND.rosterChange, motion, expires)),
    })),
  )
  await submit('rosterChangeAdmit', { TAG: 'admit', data: { admit, approval: { TAG: 'votes', data: votes } } })
  chain.addSealer(sealing)

  let [sealer, recovery] = [sealing, newcomer.recovery]
  for (const by of ['Member', 'Recovery', 'Owners'] as const) {
    const next = signerOf(`vectors newcomer seal, ${by}`)
    const nextRecovery = by === 'Member' ? recovery : signerOf(`vectors newcomer recovery, ${by}`)
    const rotate = { seat: KEEPERS, sealingKey: next.publicKey, recoveryKey: nextRecovery.publicKey }
    const open: RosterAction = { TAG: 'rotateKey', data: { rotate, authority: { TAG: 'owners', data: [] } } }
    const message = memberMessage(chain.networkId, contentOf(open))
    const authority =
      by === 'Member'
        ? { TAG: 'member' as const, data: await sealer.sign(message) }
        : by === 'Recovery'
          ? { TAG: 'recovery' as const, data: await recovery.sign(message) }
          : { TAG: 'owners' as const, data: await byOwner(open) }
    chain.addSealer(next)
    await submit(`rosterChangeRotateKey${by}`, { TAG: 'rotateKey', data: { rotate, authority } })
    sealer = next
    recovery = nextRecovery
  }

  const leave = { deviceId: newcomer.deviceId, seat: KEEPERS }
  const left = contentOf({ TAG: 'leave', data: { leave, signature: none } })
  await submit('rosterChangeLeave', {
    TAG: 'leave',
    data: { leave, signature: await sealer.sign(memberMessage(chain.networkId, left)) },
  })

  // Seat 2 seals two headers on one parent; the first is in the chain.
  const parent = chain.tip
  const time = parent.block.header.time + chain.parameters.spacingMs
  const doubled: SealedHeader[] = []
  for (const later of [0, 1]) doubled.push((await chain.mine({ on: parent, seat: 2, time: time + later })).item.sealed)
  const [one, other] = doubled as [SealedHeader, SealedHeader]
  if (hashHeader(one.header).join() === hashHeader(other.header).join()) throw new Error('one header twice')
  await submit('rosterChangeEquivocation', {
    TAG: 'equivocation',
    data: { deviceId: third.deviceId, first: one, second: other },
  })

  const remove = { deviceId: second.deviceId, seat: 1 }
  const removed: RosterAction = { TAG: 'remove', data: { remove, approval: { TAG: 'owners', data: [] } } }
  await submit('rosterChangeRemove', {
    TAG: 'remove',
    data: { remove, approval: { TAG: 'owners', data: await byOwner(removed) } },
  })

  const keys = [chain.owner.publicKey, signerOf('vectors second owner').publicKey].sort((a, b) => Buffer.compare(a, b))
  const owners = { threshold: 1, keys }
  const replaced: RosterAction = { TAG: 'owners', data: { owners, signatures: [] } }
  await submit('rosterChangeOwners', { TAG: 'owners', data: { owners, signatures: await byOwner(replaced) } })
}

/** 32 zero bytes, as a genesis checkpoint is asked for. */
export const ASK_GENESIS = ZERO_HASH
