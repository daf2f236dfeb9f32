/** The content of protocol.json: for each format of docs/PROTOCOL.md its fields, its bytes, and what follows from them. */

import { nodeScrypt } from '../../../node-relay/crypto/node-scrypt.ts'
import {
  certificateClaimMessage,
  certificateEvidenceCodec,
  certifiedApplicationCodec,
} from '../../../shared/admission/certificate-evidence.ts'
import { ADMISSION_STEPS } from '../../../shared/admission/full-admission.ts'
import {
  fullApplicationCodec,
  fullApplicationMessage,
  fullStatementMessage,
  STATEMENT,
} from '../../../shared/admission/full-application.ts'
import { PROFILE_VERSION, UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { solvePuzzle, tryPuzzle } from '../../../shared/admission/puzzle.ts'
import { type Payment, quoteCodec } from '../../../shared/admission/quote.ts'
import { storageDigest } from '../../../shared/admission/storage-challenge.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { compactBlockCodec, compactOf } from '../../../shared/block/compact-block.ts'
import { proveTransaction, transactionRoot } from '../../../shared/block/transaction-tree.ts'
import { asciiBytes, equalBytes, toHex, uintToBytes } from '../../../shared/bytes.ts'
import { nextTarget } from '../../../shared/chain/difficulty.ts'
import { compactTarget, expandTarget, workOfTarget } from '../../../shared/chain/target.ts'
import type { Codec } from '../../../shared/codec.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { deriveSeed, encodeRecoveryWords } from '../../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { challengeAnswerMessage } from '../../../shared/device-profile/challenge.ts'
import { sha256 } from '../../../shared/hash.ts'
import { hashHeader, headerCodec, sealedHeaderCodec } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { appendHeader, EMPTY_RANGE, historyRoot, mountainRangeCodec } from '../../../shared/history/mountain-range.ts'
import type { HistoryNode } from '../../../shared/history/node.ts'
import { createHistoryProver } from '../../../shared/history/prover.ts'
import { certificateAnchor, ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, formatDeviceId, formatDid, walletIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { anchorRecordCodec, deviceRecordCodec } from '../../../shared/identity/record.ts'
import { trustAt, trustScore } from '../../../shared/identity/trust.ts'
import { genesisCodec, hashGenesis } from '../../../shared/ledger/genesis.ts'
import { coordinationSetCodec, epochCodec, seatCodec } from '../../../shared/ledger/records.ts'
import {
  anchorKey,
  COORDINATION_SET_KEY,
  deviceKey,
  EPOCH_KEY,
  POLICY_KEY,
  seatKey,
} from '../../../shared/ledger/state-keys.ts'
import { PRESETS } from '../../../shared/params.ts'
import { policyCodec } from '../../../shared/policy/policy.ts'
import { bundleCodec } from '../../../shared/proof/bundle.ts'
import { historyProofCodec } from '../../../shared/proof/history-proof.ts'
import { stateProofCodec } from '../../../shared/proof/state-proof.ts'
import { transactionProofCodec } from '../../../shared/proof/transaction-proof.ts'
import { challengeOutcomeCodec, challengeRequestCodec } from '../../../shared/protocol/challenge-messages.ts'
import {
  type EvidenceParties,
  evidenceAnswerCodec,
  evidenceRequestCodec,
  evidenceRequestMessage,
} from '../../../shared/protocol/evidence-request.ts'
import {
  fullAnswerCodec,
  storageAnswerCodec,
  storageMessage,
  storageRequestCodec,
} from '../../../shared/protocol/full-messages.ts'
import { topicsOf } from '../../../shared/protocol/ids.ts'
import { formatJoinLink, joinLinkCodec } from '../../../shared/protocol/join-link.ts'
import { joinAnswerCodec, joinAskCodec, joinAskMessage, WAY } from '../../../shared/protocol/join-messages.ts'
import * as messages from '../../../shared/protocol/messages.ts'
import { pairAnswerCodec, pairAskCodec, pairAskMessage, pairClaim } from '../../../shared/protocol/pair-messages.ts'
import {
  claimAnswerCodec,
  presenceAnswerCodec,
  presenceRequestCodec,
  provePresenceCodec,
  sessionAnswerCodec,
} from '../../../shared/protocol/presence-messages.ts'
import { serversCodec, serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { formatVoucher, voucherSecretCodec } from '../../../shared/protocol/voucher-text.ts'
import { rosterCodec, rosterRoot } from '../../../shared/roster/roster.ts'
import { duelProofCodec, duelProofMessage } from '../../../shared/session/duel-proof.ts'
import { peerIdOf } from '../../../shared/session/peer-key.ts'
import { sessionCertificateCodec, sessionMessage } from '../../../shared/session/session-certificate.ts'
import { EMPTY_STATE_ROOT, type StateProof } from '../../../shared/state-tree/node.ts'
import { runSteps } from '../../../shared/steps.ts'
import { ownerMessage, voteMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import * as registering from '../../../shared/transaction/register.ts'
import {
  hashChangeContent,
  hashMotion,
  memberMessage,
  type RosterChange,
} from '../../../shared/transaction/roster-change.ts'
import {
  hashCoordinationContent,
  hashPolicy,
  incidentEndorsementMessage,
  renewalEndorsementMessage,
  renewalMessage,
  retireMessage,
  rotateMessage,
  rotateNewKeyMessage,
  type Transaction,
  transactionCodec,
  transactionIdOf,
} from '../../../shared/transaction/transaction.ts'
import { encodeFrame, REFUSAL_FRAME } from '../../../shared/transport/frame.ts'
import { sayService } from '../../framework/chain-actions.ts'
import type { BuiltBlock } from '../../framework/chain-builder.ts'
import { applicantAddress, signApplication, signStatement, signStorageRequest } from '../../framework/full-actions.ts'
import { certify, sessionPeer } from '../../framework/session-peer.ts'
import { buildBundle } from '../proof/build-bundle.ts'
import {
  ASK_GENESIS,
  buildProtocolChain,
  CERTIFIED_KEY,
  EXAMPLE_EVIDENCE,
  type ProtocolChain,
  seedOf,
} from './build-chain.ts'
import { directoryExample } from './directory-example.ts'

const EXAMPLE_PARTIES: EvidenceParties = {
  asker: '12D3KooWExampleOfWhoAsks',
  asked: '12D3KooWExampleOfWhoIsAsked',
}

/** Bytes as hex, large numbers as decimal text, absent values as null. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export function toJson(value: unknown): Json {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJson(one)]))
  return value as boolean | number | string
}

function example<Value>(codec: Codec<Value>, bytes: Uint8Array, derived: Readonly<Record<string, unknown>> = {}): Json {
  const decoded = codec.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.detail)
  const follows = Object.keys(derived).length === 0 ? {} : { derived: toJson(derived) }
  return { fields: toJson(decoded.value), encoded: toHex(bytes), ...follows }
}

export async function protocolVectors(): Promise<Record<string, Json>> {
  const made = await buildProtocolChain()
  return {
    about:
      'Examples of docs/PROTOCOL.md. Bytes are hex, 128-bit numbers decimal text; TAG names the variant of a tagged field.',
    ...basics(made),
    ...chainFormats(made),
    ...transactions(made),
    ...stateFormats(made),
    ...historyFormats(made),
    bundle: example(bundleCodec, bundleOf(made)),
    ...(await wireFormats(made)),
    directory: toJson(await directoryExample(made)),
  }
}

function basics({ chain, phone, voucher }: ProtocolChain): Record<string, Json> {
  const seed = seedOf('vectors phone')
  const { publicKey } = createSeedSigner(seed)
  const voucherKey = createSeedSigner(voucher.seed).publicKey
  const entropy = Uint8Array.from({ length: 16 }, (_, i) => i)
  const compact = ['2000ffff', '207fffff', '1f7fffff', '1d00ffff', '03123456', '02123400', '01120000']
  const wtema = [
    { parent: { time: 31_000, target: 0x1f00ffff }, grandparent: { time: 1_000, target: 0x1f00ffff } },
    { parent: { time: 11_000, target: 0x1f00ffff }, grandparent: { time: 1_000, target: 0x1f00ffff } },
    { parent: { time: 90_001, target: 0x1f123456 }, grandparent: { time: 1_000, target: 0x1f00ffff } },
    { parent: { time: 28_800_000, target: 0x1f00ffff }, grandparent: { time: 1_000, target: 0x1f00ffff } },
    { parent: { time: 100_000, target: 0x2000ffff }, grandparent: { time: 1_000, target: 0x2000ffff } },
    { parent: { time: 1_000, target: 0x1f00ffff }, grandparent: undefined },
  ]
  const counters = { epoch: 3, rE: 700_000, sE: 123_456, rO: 65_432, sO: 17 }
  return {
    networkId: toHex(chain.networkId),
    keys: toJson({ seed, publicKey, message: asciiBytes('message') }),
    walletId: toJson({ walletKey: publicKey, walletId: walletIdOf(publicKey) }),
    anchor: toJson({
      voucher: { voucherKey, anchor: voucherAnchor(voucherKey) },
      certificate: { subjectPublicKeyInfo: CERTIFIED_KEY, anchor: certificateAnchor(CERTIFIED_KEY) },
      owner: { walletKey: publicKey, anchor: ownerAnchor(publicKey) },
    }),
    deviceIdText: toJson({
      networkId: chain.networkId,
      walletKey: publicKey,
      anchor: voucherAnchor(voucherKey),
      deviceId: deviceIdOf(chain.networkId, publicKey, voucherAnchor(voucherKey)),
      text: formatDeviceId(chain.networkId, phone.deviceId),
      did: formatDid(chain.networkId, phone.deviceId),
    }),
    recoveryWords: toJson({
      entropy,
      words: encodeRecoveryWords(entropy, RECOVERY_WORDLIST),
      recoverySeed: deriveSeed(entropy, 'recovery'),
      ownerSeed: deriveSeed(entropy, 'owner'),
    }),
    compactTarget: compact.map((text) => {
      const target = expandTarget(Number.parseInt(text, 16)) as bigint
      return toJson({ compact: text, target: uintToBytes(target, 32), work: workOfTarget(target) })
    }),
    roundedTarget: ['ff', '80', 'ffffffffff', '0123456789abcdef'].map((text) => ({
      target: text.padStart(64, '0'),
      compact: compactTarget(BigInt(`0x${text}`))
        .toString(16)
        .padStart(8, '0'),
    })),
    notCanonicalTarget: ['00000000', '1d000000', '20800000', '1e0000ff', '21010000', '02123456'],
    nextTarget: toJson({
      parameters: PRESETS.home,
      cases: wtema.map(({ parent, grandparent }) => ({
        parent,
        grandparent,
        next: nextTarget(PRESETS.home, parent, grandparent),
      })),
    }),
    trust: toJson(
      [0, 1, 10, 200].map((later) => {
        const after = trustAt(counters, counters.epoch + later)
        return { before: counters, epoch: counters.epoch + later, after, trust: trustScore(after) }
      }),
    ),
  }
}

function chainFormats({ chain, phoneHeight }: ProtocolChain): Record<string, Json> {
  const built = chain.at(phoneHeight)
  const { header, seal, transactions } = built.block
  const hash = hashHeader(header)
  const sealed = { header, seal }
  const changed = chain.from(1).find(({ item }) => item.rosterChanges.length > 0) as BuiltBlock
  const roster = chain.tip.node.roster
  return {
    genesis: example(genesisCodec, genesisCodec.encode(chain.genesis), {
      hash: hashGenesis(chain.genesis),
      roster: chain.first.node.roster,
      rosterRoot: rosterRoot(chain.first.node.roster),
      stateRoot: chain.first.tree.root,
      header: headerCodec.encode(chain.first.block.header),
      networkId: chain.networkId,
    }),
    header: example(headerCodec, headerCodec.encode(header), { hash }),
    sealedHeader: example(sealedHeaderCodec, sealedHeaderCodec.encode(sealed), {
      message: sealMessage(chain.networkId, hash),
      sealingKey: chain.keeper(header.seat).publicKey,
    }),
    headerItem: example(messages.headerItemCodec, messages.headerItemCodec.encode(changed.item)),
    block: example(blockCodec, blockCodec.encode(built.block), {
      transactionIds: transactions.map((bytes) => transactionIdOf(chain.networkId, bytes)),
    }),
    transactionRoot: toJson(
      [0, 1, 2, 3, 7].map((count) => {
        const list = Array.from({ length: count }, (_, i) => Uint8Array.of(i))
        return { transactions: list, root: transactionRoot(list) }
      }),
    ),
    transactionProof: example(
      transactionProofCodec,
      transactionProofCodec.encode(
        proveTransaction(
          Array.from({ length: 7 }, (_, i) => Uint8Array.of(i)),
          5,
        ),
      ),
    ),
    roster: example(rosterCodec, rosterCodec.encode(roster), { rosterRoot: rosterRoot(roster) }),
  }
}

function transactions({ chain, transactions: named }: ProtocolChain): Record<string, Json> {
  const { networkId } = chain
  const decodedOf = (bytes: Uint8Array): Transaction => {
    const decoded = transactionCodec.decode(bytes)
    if (!decoded.ok) throw new Error(decoded.detail)
    return decoded.value
  }
  /** Hashes and messages on the way to each signature. */
  function derived(transaction: Transaction): Record<string, unknown> {
    switch (transaction.TAG) {
      case 'register': {
        const { claim, evidence } = transaction.data
        const application = registering.hashApplication(transaction.data)
        return {
          claimHash: registering.hashClaim(claim),
          applicationHash: application,
          evidenceMessages: evidenceMessages(claim, evidence),
          endorsementMessage: registering.endorsementMessage(networkId, application),
          walletMessage: registering.registerWalletMessage(networkId, application),
          deviceId: deviceIdOf(networkId, claim.walletKey, claim.anchor),
        }
      }
      case 'rosterChange':
        return changeMessages(transaction.data)
      case 'coordinationChange': {
        const content = hashCoordinationContent(transaction.data.change)
        return { content, message: ownerMessage(networkId, KIND.coordinationChange, content) }
      }
      case 'rotate':
        return {
          message: rotateMessage(networkId, transaction.data.rotate),
          newKeyMessage: rotateNewKeyMessage(networkId, transaction.data.rotate),
        }
      case 'retire':
        return { message: retireMessage(networkId, transaction.data.retire) }
      case 'evidence':
        return {
          message: renewalMessage(networkId, transaction.data.renewal),
          endorsementMessage: renewalEndorsementMessage(networkId, transaction.data.renewal),
        }
      case 'incident': {
        const { claimed, proof } = transaction.data.incident
        return {
          claimMessage: sessionMessage(claimed),
          proofMessage: duelProofMessage(proof),
          endorsementMessage: incidentEndorsementMessage(networkId, transaction.data.incident),
        }
      }
      case 'policy':
        return { message: ownerMessage(networkId, KIND.policy, hashPolicy(transaction.data.policy)) }
    }
  }
  function evidenceMessages(claim: registering.Claim, evidence: registering.Evidence): Record<string, unknown> {
    switch (evidence.TAG) {
      case 'voucher':
        return {
          voucher: registering.voucherMessage(networkId, evidence.data.voucher),
          claim: registering.voucherClaimMessage(networkId, claim),
        }
      case 'owners':
        return { owner: ownerMessage(networkId, KIND.register, registering.hashClaim(claim)) }
      case 'approval':
        return { approval: registering.approvalMessage(networkId, claim, evidence.data) }
      case 'certificate':
        return {}
    }
  }
  function changeMessages({ changeNumber, action }: RosterChange): Record<string, unknown> {
    const motion = hashMotion(action)
    const content = hashChangeContent(changeNumber, action)
    const votes = action.TAG === 'admit' && action.data.approval.TAG === 'votes' ? action.data.approval.data : []
    return {
      motion,
      content,
      ownerMessage: ownerMessage(networkId, KIND.rosterChange, content),
      memberMessage: memberMessage(networkId, content),
      voteMessages: votes.map(({ expires }) => voteMessage(networkId, KIND.rosterChange, motion, expires)),
    }
  }

  const all = Object.entries(named).map(([name, bytes]) => {
    const follows = { ...derived(decodedOf(bytes)), transactionId: transactionIdOf(networkId, bytes) }
    return [name, example(transactionCodec, bytes, follows)] as const
  })
  const group = (prefix: string) => {
    const of = all.filter(([name]) => name.startsWith(prefix))
    const key = (name: string) => name.charAt(prefix.length).toLowerCase() + name.slice(prefix.length + 1)
    return Object.fromEntries(of.map(([name, one]) => [key(name), one]))
  }
  const single = Object.fromEntries(
    all.filter(([name]) => !name.startsWith('register') && !name.startsWith('rosterChange')),
  )
  return { register: group('register'), rosterChange: group('rosterChange'), ...single }
}

function stateFormats({ chain, phone, phoneHeight, transactions: named }: ProtocolChain): Record<string, Json> {
  const { tree } = chain.at(phoneHeight)
  // The seat of the roster log that rotated its key.
  const rotated = seatKey(3)
  const record = (codec: Codec<unknown>, key: Uint8Array) => example(codec, tree.get(key) as Uint8Array, { key })
  const proof = (key: Uint8Array, under = tree) =>
    example(stateProofCodec, stateProofCodec.encode(under.prove(key)), { key, stateRoot: under.root })
  const device = deviceRecordCodec.decode(tree.get(deviceKey(phone.deviceId)) as Uint8Array)
  if (!device.ok) throw new Error(device.detail)
  const incident = transactionCodec.decode(named['incident'] as Uint8Array)
  if (!incident.ok || incident.value.TAG !== 'incident') throw new Error('no incident')
  const contested = deviceKey(incident.value.data.incident.claimed.deviceId)
  // With so many more devices, some share the beginning of their keys.
  const crowd = Array.from({ length: 64 }, (_, i) => ({ key: deviceKey(seedOf(`device ${i}`)), value: seedOf(`${i}`) }))
  const crowded = tree.update({ version: phoneHeight + 1, changes: crowd }).tree
  const strangers = Array.from({ length: 1_000 }, (_, i) => deviceKey(seedOf(`nobody ${i}`)))
  const absent = (kind: StateProof['terminal']['TAG']) => {
    const key = strangers.find((one) => crowded.prove(one).terminal.TAG === kind)
    if (key === undefined) throw new Error(`no proof ends at ${kind}`)
    return proof(key, crowded)
  }
  return {
    deviceRecord: record(deviceRecordCodec, deviceKey(phone.deviceId)),
    contestedRecord: example(deviceRecordCodec, chain.tip.tree.get(contested) as Uint8Array, { key: contested }),
    anchorRecord: record(anchorRecordCodec, anchorKey(device.value.anchor)),
    coordinationSet: record(coordinationSetCodec, COORDINATION_SET_KEY),
    policyRecord: record(policyCodec, POLICY_KEY),
    epoch: record(epochCodec, EPOCH_KEY),
    seat: example(seatCodec, chain.tip.tree.get(rotated) as Uint8Array, { key: rotated }),
    emptyStateRoot: toHex(EMPTY_STATE_ROOT),
    stateProofPresent: proof(deviceKey(phone.deviceId)),
    stateProofAbsent: { otherLeaf: absent('otherLeaf'), divergingInner: absent('divergingInner') },
  }
}

function historyFormats({ chain }: ProtocolChain): Record<string, Json> {
  const nodes = new Map<string, HistoryNode>()
  const leaves = chain
    .from(0)
    .slice(0, 11)
    .map(({ node }) => ({
      headerHash: node.hash,
      // Genesis proves no work.
      work: node.height === 0 ? 0n : workOfTarget(expandTarget(node.sealed.header.target) as bigint),
      time: node.sealed.header.time,
    }))
  let range = EMPTY_RANGE
  for (const leaf of leaves) {
    const next = appendHeader(range, leaf)
    range = next.range
    for (const { level, index, node } of next.created) nodes.set(`${level}/${index}`, node)
  }
  if (!equalBytes(historyRoot(range), chain.at(leaves.length).block.header.historyRoot))
    throw new Error('not the history that the header commits to')
  const prover = createHistoryProver({ getNode: (level, index) => nodes.get(`${level}/${index}`), count: range.count })
  return {
    history: toJson({ leaves, emptyRoot: historyRoot(EMPTY_RANGE), root: historyRoot(range) }),
    mountainRange: example(mountainRangeCodec, mountainRangeCodec.encode(range), { root: historyRoot(range) }),
    historyProof: Object.fromEntries(
      [0, 8, 10].map((index) => [
        `header${index}Of${range.count}`,
        example(historyProofCodec, historyProofCodec.encode(prover.prove(index))),
      ]),
    ),
  }
}

function bundleOf({ chain, phone }: ProtocolChain): Uint8Array {
  return buildBundle(chain, phone.deviceId, chain.at(chain.tip.node.height - 2 * chain.parameters.settleDepth))
}

function opened<Value>(codec: Codec<Value>, bytes: Uint8Array): Value {
  const decoded = codec.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.detail)
  return decoded.value
}

/** The keeper of seat 0 asks for {@link EXAMPLE_EVIDENCE} at the time of the tip. */
export async function exampleEvidenceRequest({ chain }: ProtocolChain, parties: EvidenceParties): Promise<Uint8Array> {
  const open = {
    networkId: chain.networkId,
    evidence: sha256(EXAMPLE_EVIDENCE),
    time: chain.tip.block.header.time,
    seat: 0,
  }
  const signature = await chain.keeper(0).sign(evidenceRequestMessage(open, parties))
  return evidenceRequestCodec.encode({ ...open, signature })
}

/** Two sessions of the phone an hour long, and what the first signs when the second claims to be it. */
export async function exampleSessions({ chain, phone, phoneHeight }: ProtocolChain) {
  const { networkId } = chain
  const { node, block } = chain.at(phoneHeight)
  const { time } = block.header
  const of = (name: string) => certify(phone, { networkId, peerKey: sessionPeer(name).peerKey, time })
  const [own, copy] = [await of('own'), await of('copy')]
  const { deviceId, peerKey: holderKey } = own
  const content = { networkId, deviceId, holderKey, claimantKey: copy.peerKey, nonce: node.hash, time: time + 1 }
  return { own, copy, proof: { ...content, signature: await phone.wallet.sign(duelProofMessage(content)) } }
}

/** The phone wants a seat: its application with a word of seat 0 for it, and a storage challenge of that seat. */
export async function fullExamples({ chain, phone }: ProtocolChain) {
  const { networkId, tip } = chain
  const addresses = [applicantAddress('12D3KooWExample')]
  const said = { kind: STATEMENT.vouch, seat: 0, expires: tip.node.height + 100 }
  const vouch = await signStatement(chain, { networkId, deviceId: phone.deviceId, addresses }, said)
  const application = await signApplication(chain, phone, { addresses, statements: [vouch] })
  const { time } = tip.block.header
  const content = { deviceId: phone.deviceId, nonce: tip.node.hash, height: tip.node.height - 8, time, seat: 0 }
  return { application, vouch, storageRequest: await signStorageRequest(chain, content) }
}

/** A certified camera asks for its price, with the phone's wallet. */
export async function exampleJoinAsk({ chain, phone }: ProtocolChain): Promise<Uint8Array> {
  const head = {
    networkId: chain.networkId,
    walletKey: phone.wallet.publicKey,
    label: LABEL.lightweight,
    profile: { version: PROFILE_VERSION, ...UNKNOWN_PROFILE, cores: 4, memoryMiB: 512 },
    way: WAY.certificate,
    issuer: sha256(asciiBytes('example root')),
    anchor: certificateAnchor(CERTIFIED_KEY),
  }
  return joinAskCodec.encode({ ...head, signature: await phone.wallet.sign(joinAskMessage(head)) })
}

/** The phone asks for the operator's approval, and has paid with a quote. */
export async function examplePairAsk({ chain, phone }: ProtocolChain, payment: Payment): Promise<Uint8Array> {
  const head = {
    networkId: chain.networkId,
    walletKey: phone.wallet.publicKey,
    recoveryKey: sha256(asciiBytes('example recovery key')),
    profile: sha256(asciiBytes('example profile')),
    payment,
  }
  return pairAskCodec.encode({ ...head, signature: await phone.wallet.sign(pairAskMessage(head)) })
}

async function wireFormats(made: ProtocolChain): Promise<Record<string, Json>> {
  const { chain, phone, relay, voucher, phoneHeight, transactions: named } = made
  const { networkId, tip } = chain
  const built = chain.at(phoneHeight)
  const { hash } = built.node
  const register = transactionCodec.decode(named['registerVoucher'] as Uint8Array)
  if (!register.ok || register.value.TAG !== 'register') throw new Error('no registration')
  const [endorsement] = register.value.data.endorsements
  if (endorsement === undefined) throw new Error('no endorsement')
  const ask = await exampleJoinAsk(made)
  const quote = {
    endorser: relay.deviceId,
    expires: built.block.header.time + 900_000,
    iterations: 4,
    salt: sha256(asciiBytes('example salt')).subarray(0, 16),
    mac: sha256(asciiBytes('example mac')),
  }
  const quoteBytes = quoteCodec.encode(quote)
  const subject = { networkId, walletKey: phone.wallet.publicKey, quote: quoteBytes }
  const counter = await solvePuzzle(subject, quote.iterations, nodeScrypt)
  const pairAsk = await examplePairAsk(made, { quote, counter })
  const evidenceRequest = await exampleEvidenceRequest(made, EXAMPLE_PARTIES)
  const full = await fullExamples(made)
  const digest = storageDigest(storageMessage(full.storageRequest), full.storageRequest.height, (height) =>
    blockCodec.encode(chain.at(height).block),
  )
  const asked = { networkId, deviceId: phone.deviceId, nonce: hash, time: built.block.header.time }
  const challengeAnswer = { ...asked, signature: await phone.wallet.sign(challengeAnswerMessage(asked)) }
  const sessions = await exampleSessions(made)
  const say = <Value>(codec: Codec<Value>, value: Value) => example(codec, codec.encode(value))
  const service = await sayService(chain, chain.keeper(0), {
    seat: 0,
    issuedAt: tip.block.header.time,
    addresses: [
      '/ip4/192.168.1.20/udp/4671/webrtc-direct/certhash/uEiAAAA/p2p/12D3KooWExample',
      '/ip4/192.168.1.20/tcp/4672/tls/ws/p2p/12D3KooWExample',
    ],
  })
  const link = {
    version: 1,
    networkId,
    checkpoint: { height: built.node.height, hash },
    addresses: ['/ip4/192.168.1.20/udp/4671/webrtc-direct/certhash/uEiAAAA/p2p/12D3KooWExample'],
    name: 'Home',
  }
  return {
    frame: toJson({
      payload: asciiBytes('payload'),
      frame: encodeFrame(asciiBytes('payload')),
      refusal: REFUSAL_FRAME,
    }),
    topics: toJson(topicsOf(networkId)),
    statusRequest: say(messages.statusRequestCodec, { networkId }),
    status: say(messages.statusCodec, {
      networkId,
      label: 6,
      tip: { height: tip.node.height, hash: tip.node.hash, work: tip.node.work },
      settledHeight: tip.node.height - chain.parameters.settleDepth,
      time: tip.block.header.time + 250,
      recovered: 0,
      sealedTip: tip.item.sealed,
    }),
    recoveryRequest: say(messages.recoveryRequestCodec, { networkId }),
    recovery: say(messages.recoveryCodec, { recovered: undefined }),
    checkpointRequest: say(messages.checkpointRequestCodec, { networkId, hash: ASK_GENESIS }),
    checkpoint: say(messages.checkpointCodec, {
      genesis: genesisCodec.encode(chain.genesis),
      genesisHeader: chain.first.block.header,
      sealed: built.item.sealed,
      parent: built.parent?.block.header,
      roster: built.node.roster,
      range: built.parent?.node.range ?? EMPTY_RANGE,
    }),
    headersRequest: say(messages.headersRequestCodec, { networkId, locator: [hash, chain.first.node.hash], count: 2 }),
    headers: say(messages.headersCodec, {
      items: chain
        .from(phoneHeight + 1)
        .slice(0, 2)
        .map(({ item }) => item),
    }),
    blocksRequest: say(messages.blocksRequestCodec, { networkId, hashes: [hash] }),
    blocks: say(messages.blocksCodec, { blocks: [blockCodec.encode(built.block)] }),
    transactionsRequest: say(messages.transactionsRequestCodec, { networkId, hash, places: [0] }),
    transactions: say(messages.transactionsCodec, { transactions: built.block.transactions.slice(0, 1) }),
    peers: say(messages.peersCodec, {
      addresses: [
        '/ip4/192.168.1.20/tcp/4673/p2p/12D3KooWExample',
        '/dns4/lares.local/tcp/4672/tls/ws/p2p/12D3KooWExample',
      ],
    }),
    serversRequest: say(serversRequestCodec, { networkId, seats: [0, 3] }),
    servers: say(serversCodec, { records: [service] }),
    compactBlock: say(compactBlockCodec, compactOf(built.block)),
    proofRequest: say(messages.proofRequestCodec, { networkId, headerHash: hash, key: deviceKey(phone.deviceId) }),
    proof: say(messages.proofCodec, { proof: built.tree.prove(deviceKey(phone.deviceId)) }),
    proofNotHere: say(messages.proofCodec, { proof: undefined }),
    endorsed: say(messages.endorsementAnswerCodec, { TAG: 'endorsed', data: endorsement }),
    endorsementRefused: say(
      messages.endorsementAnswerCodec,
      messages.refusal('voucher-used', 'this voucher has been used'),
    ),
    certificateEvidence: example(certificateEvidenceCodec, EXAMPLE_EVIDENCE, {
      hash: sha256(EXAMPLE_EVIDENCE),
      message: certificateClaimMessage(networkId, register.value.data.claim, hash),
    }),
    certifiedApplication: say(certifiedApplicationCodec, {
      transaction: named['registerCertificate'] as Uint8Array,
      evidence: EXAMPLE_EVIDENCE,
      payments: [{ quote, counter }],
    }),
    joinAsk: example(joinAskCodec, ask, {
      message: joinAskMessage(opened(joinAskCodec, ask)),
      walletKey: phone.wallet.publicKey,
    }),
    joinQuoted: say(joinAnswerCodec, {
      TAG: 'quoted',
      data: {
        quote: quoteBytes,
        ...{ base: 1, pressure: 2, faults: 2, most: 4096, isWaived: false },
        way: WAY.certificate,
        nonce: hash,
      },
    }),
    joinRefused: say(joinAnswerCodec, messages.refusal('anchor-live', 'this identity has a live ID')),
    pairAsk: example(pairAskCodec, pairAsk, {
      message: pairAskMessage(opened(pairAskCodec, pairAsk)),
      walletKey: phone.wallet.publicKey,
      claim: registering.hashClaim(pairClaim(opened(pairAskCodec, pairAsk))),
    }),
    pairWaiting: say(pairAnswerCodec, { TAG: 'waiting', data: { code: asciiBytes('BCDFGHJK'), lasts: 600_000 } }),
    pairApproved: say(pairAnswerCodec, {
      TAG: 'approved',
      data: {
        ...{ issuer: relay.deviceId, evidence: new Uint8Array(32), notAfter: built.block.header.time },
        signature: new Uint8Array(64).fill(5),
      },
    }),
    pairRefused: say(pairAnswerCodec, messages.refusal('not-approved', 'the operator of the relay has refused it')),
    quote: example(quoteCodec, quoteBytes),
    puzzle: toJson({
      ...{ networkId, walletKey: phone.wallet.publicKey, quote: quoteBytes, counter },
      output: await tryPuzzle(subject, counter, nodeScrypt),
      before: counter === 0 ? undefined : await tryPuzzle(subject, counter - 1, nodeScrypt),
    }),
    evidenceRequest: example(evidenceRequestCodec, evidenceRequest, {
      ...EXAMPLE_PARTIES,
      message: evidenceRequestMessage(opened(evidenceRequestCodec, evidenceRequest), EXAMPLE_PARTIES),
      sealingKey: chain.keeper(0).publicKey,
    }),
    challengeRequest: say(challengeRequestCodec, {
      ...{ networkId, deviceId: phone.deviceId, nonce: hash, isPassedOn: false },
    }),
    challengeAnswered: say(challengeOutcomeCodec, { TAG: 'answered', data: { answer: challengeAnswer } }),
    challengeWaiting: say(challengeOutcomeCodec, { TAG: 'waiting', data: { expires: built.block.header.time } }),
    challengeRefused: say(
      challengeOutcomeCodec,
      messages.refusal('device-busy', 'This device has not answered the challenges that it has; wait a little.'),
    ),
    sessionCertificate: example(sessionCertificateCodec, sessionCertificateCodec.encode(sessions.own), {
      message: sessionMessage(sessions.own),
      walletKey: phone.wallet.publicKey,
      peerId: peerIdOf(sessions.own.peerKey),
    }),
    sessionOpened: say(sessionAnswerCodec, { TAG: 'opened', data: { until: sessions.own.until } }),
    sessionRefused: say(
      sessionAnswerCodec,
      messages.refusal('session-of-another-peer', 'This session is certified for another peer.'),
    ),
    presenceRequest: say(presenceRequestCodec, { networkId }),
    presenceGranted: say(presenceAnswerCodec, { TAG: 'granted', data: { lasts: 600_000, unchecked: 1 } }),
    presenceWait: say(presenceAnswerCodec, { TAG: 'wait', data: { wait: 660_000, isProven: true } }),
    presenceFull: say(presenceAnswerCodec, { TAG: 'full', data: {} }),
    claimNone: say(claimAnswerCodec, { TAG: 'none', data: {} }),
    claimWait: say(claimAnswerCodec, { TAG: 'wait', data: { wait: 90_000, isProven: false } }),
    presenceChallenge: say(provePresenceCodec, { nonce: hash, claimed: sessions.copy }),
    duelProof: example(duelProofCodec, duelProofCodec.encode(sessions.proof), {
      message: duelProofMessage(sessions.proof),
      walletKey: phone.wallet.publicKey,
    }),
    evidenceShown: say(evidenceAnswerCodec, { TAG: 'shown', data: { evidence: EXAMPLE_EVIDENCE } }),
    evidenceRefused: say(
      evidenceAnswerCodec,
      messages.refusal('evidence-not-here', 'this node does not keep this evidence'),
    ),
    fullApplication: example(fullApplicationCodec, fullApplicationCodec.encode(full.application), {
      message: fullApplicationMessage(full.application),
      vouchMessage: fullStatementMessage(full.vouch, full.application),
    }),
    fullExamined: say(fullAnswerCodec, {
      TAG: 'examined',
      data: {
        seat: 0,
        steps: ADMISSION_STEPS.map((step, i) => ({ step, have: i, need: 2, isMet: i >= 2 })),
        statements: [full.vouch],
        vote: undefined,
      },
    }),
    fullRefused: say(fullAnswerCodec, messages.refusal('no-seat', 'this relay holds no seat, so it examines nobody')),
    storageRequest: example(storageRequestCodec, storageRequestCodec.encode(full.storageRequest), {
      message: storageMessage(full.storageRequest),
      firstDigest: sha256(storageMessage(full.storageRequest)),
    }),
    storageAnswered: say(storageAnswerCodec, { TAG: 'answered', data: { digest: runSteps(digest) as Uint8Array } }),
    storageRefused: say(storageAnswerCodec, messages.refusal('block-missing', 'a block is not here')),
    submitted: say(messages.submitAnswerCodec, {
      TAG: 'accepted',
      data: { transactionId: transactionIdOf(networkId, named['registerVoucher'] as Uint8Array) },
    }),
    submissionRefused: say(messages.submitAnswerCodec, messages.refusal('mempool-full', 'send it again later')),
    joinLink: example(joinLinkCodec, joinLinkCodec.encode(link), { text: formatJoinLink(link) }),
    voucher: example(voucherSecretCodec, voucherSecretCodec.encode(voucher), {
      issuerWalletKey: relay.wallet.publicKey,
      message: registering.voucherMessage(networkId, {
        ...voucher,
        voucherKey: createSeedSigner(voucher.seed).publicKey,
      }),
      text: formatVoucher(voucher),
    }),
  }
}
