/** Valid examples of everything that is decoded, from real chains: every kind of transaction, proof, message and text. */

import { readFileSync } from 'node:fs'
import { manifestCodec } from '../../../node-relay/backup/format.ts'
import { formatMotion, formatVote } from '../../../node-relay/roster/motion.ts'
import { certifiedApplicationCodec } from '../../../shared/admission/certificate-evidence.ts'
import { fullApplicationCodec } from '../../../shared/admission/full-application.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { compactBlockCodec, compactOf } from '../../../shared/block/compact-block.ts'
import { proveTransaction } from '../../../shared/block/transaction-tree.ts'
import { asciiBytes, fromHex, ZERO_HASH } from '../../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { encodeRecoveryWords } from '../../../shared/crypto/recovery-words.ts'
import { formatChallenge, formatChallengeAnswer } from '../../../shared/device-profile/challenge.ts'
import { signDirectory } from '../../../shared/fleet/directory.ts'
import { EMPTY_RANGE, type MountainRange } from '../../../shared/history/mountain-range.ts'
import { formatDeviceId, formatDid } from '../../../shared/identity/device-id.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { transactionProofCodec } from '../../../shared/proof/transaction-proof.ts'
import { challengeRequestCodec } from '../../../shared/protocol/challenge-messages.ts'
import { storageRequestCodec } from '../../../shared/protocol/full-messages.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { formatJoinLink } from '../../../shared/protocol/join-link.ts'
import {
  blocksRequestCodec,
  checkpointRequestCodec,
  headerItemCodec,
  headersCodec,
  headersRequestCodec,
  proofRequestCodec,
  recoveryRequestCodec,
  statusRequestCodec,
  transactionsRequestCodec,
} from '../../../shared/protocol/messages.ts'
import { presenceRequestCodec } from '../../../shared/protocol/presence-messages.ts'
import { serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { formatVoucher } from '../../../shared/protocol/voucher-text.ts'
import { sessionCertificateCodec } from '../../../shared/session/session-certificate.ts'
import { encodeInnerRecord, encodeLeafRecord } from '../../../shared/state-tree/record.ts'
import { encodeStartPoint } from '../../../shared/sync/start-point.ts'
import { recoveryCodec } from '../../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { encodeFrame, REFUSAL_FRAME } from '../../../shared/transport/frame.ts'
import { buildBundle } from '../../shared/proof/build-bundle.ts'
import { buildProtocolChain, EXAMPLE_EVIDENCE, type ProtocolChain } from '../../shared/vectors/build-chain.ts'
import {
  exampleEvidenceRequest,
  exampleJoinAsk,
  examplePairAsk,
  exampleSessions,
  fullExamples,
  protocolVectors,
} from '../../shared/vectors/examples.ts'
import { recoverKeeper, sayService } from '../chain-actions.ts'
import { ChainBuilder, namedSigner } from '../chain-builder.ts'
import { createHonestNode } from '../honest-node.ts'
import { NO_PAYMENT } from '../join-prices.ts'

export interface Corpus {
  readonly made: ProtocolChain
  /** Valid encodings of many formats, mixed; which codec takes one is found out by trying. */
  readonly bytes: readonly Uint8Array[]
  /** Valid requests by protocol ID. */
  readonly requests: Readonly<Record<string, readonly Uint8Array[]>>
  readonly texts: {
    readonly links: readonly string[]
    readonly vouchers: readonly string[]
    readonly motions: readonly string[]
    readonly votes: readonly string[]
    readonly deviceIds: readonly string[]
    readonly words: readonly string[]
    readonly challenges: readonly string[]
    readonly answers: readonly string[]
  }
}

const DEVICE_PROFILE = new URL('../../vectors/device-profile.json', import.meta.url)
/** Headers in one example message. */
const SOME_HEADERS = 12

export async function buildCorpus(): Promise<Corpus> {
  const made = await buildProtocolChain()
  const { chain, phone, relay, voucher } = made
  const { networkId } = chain
  const bytes = [...hexOf(await protocolVectors()), ...hexOf(JSON.parse(readFileSync(DEVICE_PROFILE, 'utf8')))]
  const blocks = chain.from(0)
  for (const { block, item, node, tree, parent } of blocks) {
    bytes.push(
      compactBlockCodec.encode(compactOf(block)),
      blockCodec.encode(block),
      headerItemCodec.encode(item),
      ...block.transactions,
    )
    bytes.push(encodeStartPoint(node, (parent?.node.range ?? EMPTY_RANGE) as MountainRange))
    if (block.transactions.length > 0) bytes.push(transactionProofCodec.encode(proveTransaction(block.transactions, 0)))
    for (const { key, value } of tree.leaves()) bytes.push(value, encodeLeafRecord(key, value))
  }
  const reference = { version: 3, hash: networkId }
  bytes.push(encodeInnerRecord(13, Uint8Array.of(0xab, 0xc8), reference, reference))
  bytes.push(headersCodec.encode({ items: blocks.slice(1, 1 + SOME_HEADERS).map(({ item }) => item) }))
  bytes.push(buildBundle(chain, phone.deviceId, chain.at(made.phoneHeight + 1)))
  bytes.push(buildBundle(chain, relay.deviceId, chain.at(chain.tip.node.height - 3)))
  const place = { height: 5, hash: networkId, time: chain.tip.block.header.time }
  const manifest = { createdAt: place.time, networkId, tip: place, settled: place, version: '0.1.0' }
  bytes.push(manifestCodec.encode(manifest))
  bytes.push(REFUSAL_FRAME, encodeFrame(asciiBytes('a frame')), ...(await recoveryExamples()))

  const sessions = await exampleSessions(made)
  const key = deviceKey(phone.deviceId)
  const full = await fullExamples(made)
  const requests: Record<string, Uint8Array[]> = {
    status: [statusRequestCodec.encode({ networkId })],
    recovery: [recoveryRequestCodec.encode({ networkId })],
    checkpoint: [ZERO_HASH, networkId, chain.at(5).node.hash].map((hash) =>
      checkpointRequestCodec.encode({ networkId, hash }),
    ),
    headers: [
      headersRequestCodec.encode({ networkId, locator: [networkId], count: 1_000 }),
      headersRequestCodec.encode({ networkId, locator: [key, chain.at(4).node.hash, networkId], count: 3 }),
    ],
    blocks: [[chain.at(4).node.hash], [chain.at(7).node.hash, networkId, chain.tip.node.hash]].map((hashes) =>
      blocksRequestCodec.encode({ networkId, hashes }),
    ),
    transactions: [chain.at(4), chain.tip].map(({ node }) =>
      transactionsRequestCodec.encode({ networkId, hash: node.hash, places: [0, 2] }),
    ),
    peers: [statusRequestCodec.encode({ networkId })],
    servers: [[0], [0, 1, 7, 0xffff]].map((seats) => serversRequestCodec.encode({ networkId, seats })),
    proof: [chain.at(7), chain.tip].map(({ node }) =>
      proofRequestCodec.encode({ networkId, headerHash: node.hash, key }),
    ),
    endorse: Object.entries(made.transactions).flatMap(([name, one]) => (name.startsWith('register') ? [one] : [])),
    endorseCertified: Object.entries(made.transactions).flatMap(([name, transaction]) =>
      name === 'registerCertificate' || name === 'evidence'
        ? [certifiedApplicationCodec.encode({ transaction, evidence: EXAMPLE_EVIDENCE, payments: [] })]
        : [],
    ),
    join: [await exampleJoinAsk(made)],
    pair: [await examplePairAsk(made, NO_PAYMENT)],
    challenge: [true, false].map((isPassedOn) =>
      challengeRequestCodec.encode({ networkId, deviceId: phone.deviceId, nonce: key, isPassedOn }),
    ),
    witness: Object.entries(made.transactions).flatMap(([name, one]) => (name === 'incident' ? [one] : [])),
    evidence: [await exampleEvidenceRequest(made, { asker: 'peer', asked: 'self' })],
    fullApplication: [fullApplicationCodec.encode(full.application)],
    storageChallenge: [storageRequestCodec.encode(full.storageRequest)],
    submit: Object.values(made.transactions),
    session: [sessionCertificateCodec.encode(sessions.own)],
    presence: [presenceRequestCodec.encode({ networkId })],
    claim: [sessions.own, sessions.copy].map((session) => sessionCertificateCodec.encode(session)),
  }
  const byId: Record<string, Uint8Array[]> = {}
  const services = [await sayService(chain, chain.keeper(0), { seat: 0, issuedAt: chain.tip.block.header.time })]
  const honest = createHonestNode({ chain, coordinator: relay, services: () => services })
  for (const [name, { id }] of Object.entries(PROTOCOLS)) {
    byId[id] = requests[name] ?? []
    bytes.push(...(requests[name] ?? []))
    for (const request of requests[name] ?? []) {
      const answer = await honest(id, request)
      if (answer instanceof Uint8Array) bytes.push(answer)
    }
  }

  const link = formatJoinLink({
    version: 1,
    networkId,
    checkpoint: { height: 5, hash: chain.at(5).node.hash },
    addresses: ['/ip4/192.168.7.9/udp/9090/webrtc-direct/certhash/uEiA', '/dns4/lares.local/tcp/4671/tls/ws'],
    name: 'Größe ☃',
  })
  const voucherText = formatVoucher(voucher)
  const answer = {
    networkId,
    deviceId: phone.deviceId,
    nonce: ZERO_HASH,
    time: chain.tip.block.header.time,
    signature: new Uint8Array(64).fill(7),
  }
  const directory = {
    networkId,
    signer: relay.deviceId,
    madeAt: chain.tip.block.header.time,
    entries: [
      { deviceId: phone.deviceId, name: 'Kitchen', model: 'Cam 2', serial: 'A-17', mac: undefined, vendor: 'Someone' },
      {
        deviceId: relay.deviceId,
        name: 'Büro',
        model: '',
        serial: 'B',
        mac: Uint8Array.of(0, 2, 3, 4, 5, 6),
        vendor: '',
      },
    ],
  }
  bytes.push(await signDirectory(directory, relay.wallet))
  return {
    made,
    bytes: distinct(bytes),
    requests: byId,
    texts: {
      links: [link, `https://lares.local:4670/#join=${link}&voucher=${voucherText}`, `#join=${link}`],
      motions: [
        formatMotion({
          networkId,
          items: [
            {
              TAG: 'admit',
              data: {
                ...{ deviceId: phone.deviceId, walletId: networkId, sealingKey: networkId, recoveryKey: networkId },
                seat: 1,
              },
            },
            { TAG: 'coordination', data: { setNumber: 2, action: 'add', deviceId: phone.deviceId } },
          ],
        }),
        formatMotion({ networkId, items: [{ TAG: 'remove', data: { deviceId: relay.deviceId, seat: 0 } }] }),
      ],
      votes: [formatVote({ motion: networkId, seat: 0, expires: 99, signatures: [new Uint8Array(64)] })],
      vouchers: [voucherText, `https://lares.local/#voucher=${voucherText}`],
      deviceIds: [formatDeviceId(networkId, phone.deviceId), formatDid(networkId, relay.deviceId)],
      words: [encodeRecoveryWords(new Uint8Array(16).fill(5), RECOVERY_WORDLIST)],
      challenges: [formatChallenge(networkId, ZERO_HASH)],
      answers: [formatChallengeAnswer(answer)],
    },
  }
}

/** A keeper's recovery and what follows from it. */
async function recoveryExamples(): Promise<Uint8Array[]> {
  const chain = new ChainBuilder({ name: 'fuzz recovery' })
  await chain.mineMany(3)
  const base = chain.at(1)
  const lost = chain.tip
  chain.tip = base
  const bytes = await recoverKeeper(chain, { base, lost, sealing: namedSigner('fuzz recovered') })
  const transaction = transactionCodec.decode(bytes)
  if (!transaction.ok || transaction.value.TAG !== 'rosterChange') throw new Error('no recovery')
  const { action } = transaction.value.data
  if (action.TAG !== 'recover') throw new Error('no recovery')
  const block = await chain.mine()
  const answer = await createHonestNode({ chain })(
    PROTOCOLS.recovery.id,
    recoveryRequestCodec.encode({ networkId: chain.networkId }),
  )
  return [
    bytes,
    recoveryCodec.encode(action.data.recovery),
    blockCodec.encode(block.block),
    headerItemCodec.encode(block.item),
    ...(answer instanceof Uint8Array ? [answer] : []),
  ]
}

/** Every hex string of a JSON value, as bytes. */
function hexOf(value: unknown): Uint8Array[] {
  if (typeof value === 'string') return /^(?:[0-9a-f]{2})+$/.test(value) ? [fromHex(value)] : []
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(hexOf)
  return []
}

function distinct(all: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(all.map((bytes) => [Buffer.from(bytes).toString('hex'), bytes])).values()]
}
