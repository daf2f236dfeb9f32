/** Readers that are no codecs: texts people paste, files of fleets, records of a browser's database, proofs. */

import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { parseSubject } from '../../../node-relay/devices/subject.ts'
import { readFleetFile } from '../../../node-relay/fleet/read-rows.ts'
import { encodeProbe, encodeResponse, readMessage } from '../../../node-relay/mdns/records.ts'
import { parametersOf } from '../../../node-relay/network-file.ts'
import { formatMotion, formatVote, parseMotion, parseVote } from '../../../node-relay/roster/motion.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, encodeRecoveryWords } from '../../../shared/crypto/recovery-words.ts'
import {
  formatChallenge,
  formatChallengeAnswer,
  parseChallenge,
  parseChallengeAnswer,
} from '../../../shared/device-profile/challenge.ts'
import type { Result } from '../../../shared/errors.ts'
import { createRowCheck } from '../../../shared/fleet/check-rows.ts'
import { parseMac } from '../../../shared/fleet/fields.ts'
import { readFleetRow, readKey } from '../../../shared/fleet/row.ts'
import { formatDeviceId, parseDeviceId } from '../../../shared/identity/device-id.ts'
import { type BundleVerdict, bundleCodec, verifyBundle } from '../../../shared/proof/bundle.ts'
import { formatJoinLink, parseJoinLink, readFragment } from '../../../shared/protocol/join-link.ts'
import { checkpointCodec, headersCodec } from '../../../shared/protocol/messages.ts'
import { formatVoucher, parseVoucher } from '../../../shared/protocol/voucher-text.ts'
import { hostOf, isSharedHost, transportOf } from '../../../shared/transport/address.ts'
import { readKeepsake } from '../../../web/client/keepsake.ts'
import { readOrigin } from '../../../web/client/origin.ts'
import { readPackedHeaders } from '../../../web/client/read-headers.ts'
import { readArrival } from '../../../web/page/arrival.ts'
import * as shapes from '../../../web/store/shapes.ts'
import { checkResult } from './codec-targets.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson, mutateText, mutateValue } from './mutate-text.ts'
import { type FuzzTarget, show } from './run.ts'

function textTarget(
  name: string,
  valid: readonly string[],
  check: (text: string) => void,
  share = 1,
): FuzzTarget<string> {
  return { name, share, make: (random) => mutateText(random.pick(valid), random, valid), check }
}

/** What a text is read as is written, and read as the same again. */
function roundTrip<Value>(read: (text: string) => Result<Value>, write: (value: Value) => string) {
  return (text: string) => {
    const first = read(text)
    checkResult(first)
    if (!first.ok) return
    const written = write(first.value)
    const second = read(written)
    if (!second.ok || write(second.value) !== written) throw new Error(`written as ${written}, and read as another`)
  }
}

export function readerTargets(corpus: Corpus): FuzzTarget[] {
  const { texts } = corpus
  const { chain, relay, phone } = corpus.made
  const { networkId } = chain
  return [
    textTarget(
      'parseJoinLink',
      texts.links,
      roundTrip(parseJoinLink, ({ link }) => formatJoinLink(link)),
    ),
    textTarget('parseVoucher', texts.vouchers, roundTrip(parseVoucher, formatVoucher)),
    textTarget('parseMotion', texts.motions, roundTrip(parseMotion, formatMotion)),
    textTarget('parseVote', texts.votes, roundTrip(parseVote, formatVote)),
    textTarget('readFragment', [...texts.links, ...texts.vouchers], (text) => {
      if (readFragment(text).size > text.length) throw new Error('more fields than characters')
    }),
    textTarget('readArrival', texts.links, (text) => void readArrival(text)),
    textTarget(
      'readKeepsake',
      [`${texts.links[0]} ${texts.deviceIds[0]}\n${texts.links[0]}`],
      (text) => void readKeepsake(text),
    ),
    textTarget(
      'parseDeviceId',
      texts.deviceIds,
      roundTrip(parseDeviceId, ({ networkTag, deviceId }) => formatDeviceId(networkTag, deviceId)),
    ),
    textTarget('parseSubject', [...texts.deviceIds, toHex(phone.deviceId)], (text) =>
      checkResult(parseSubject(networkId, text)),
    ),
    textTarget(
      'recovery words',
      texts.words,
      roundTrip(
        (text) => decodeRecoveryWords(text, RECOVERY_WORDLIST),
        (entropy) => encodeRecoveryWords(entropy, RECOVERY_WORDLIST),
      ),
      0.3,
    ),
    textTarget(
      'parseChallenge',
      texts.challenges,
      roundTrip(
        (text) => parseChallenge(text, networkId),
        (nonce) => formatChallenge(networkId, nonce),
      ),
    ),
    textTarget('parseChallengeAnswer', texts.answers, roundTrip(parseChallengeAnswer, formatChallengeAnswer)),
    textTarget('addresses', ADDRESSES, (text) => {
      transportOf(text)
      const host = hostOf(text)
      if (host !== undefined) isSharedHost(host)
    }),
    textTarget('parseMac', ['00:1a:2b:3c:4d:5e', '00-1A-2B-3C-4D-5E', '001a.2b3c.4d5e'], (text) =>
      checkResult(parseMac(text)),
    ),
    textTarget('readKey', [toHex(phone.wallet.publicKey)], (text) => checkResult(readKey(text)), 0.3),
    ...fleetTargets(phone.wallet.publicKey),
    ...shapeTargets(corpus),
    mdnsTarget(corpus),
    networkFileTarget(),
    ...proofTargets(corpus, relay.deviceId),
  ] as FuzzTarget[]
}

const ADDRESSES = [
  '/ip4/192.168.7.9/udp/9090/webrtc-direct/certhash/uEiAx/p2p/12D3KooWx',
  '/ip6/fe80::1%eth0/tcp/4671/ws',
  '/dns4/lares.local/tcp/4671/tls/ws/p2p/12D3KooWx/p2p-circuit/webrtc',
  '/ip6/::ffff:10.0.0.1/udp/1',
]

const CSV = [
  'name,model,serial,mac,publicKey,recoveryKey',
  'Kitchen,Cam 2,A-17,00:1a:2b:3c:4d:5e,,',
  '"Büro ""1""",,B,,,',
  '',
].join('\n')

function fleetTargets(publicKey: Uint8Array): FuzzTarget[] {
  const row = { name: 'Kitchen', model: 'Cam 2', serial: 'A-17', mac: '00:1a:2b:3c:4d:5e', publicKey: toHex(publicKey) }
  const check = (text: string) => {
    const rows = readFleetFile(new TextEncoder().encode(text))
    checkResult(rows)
    if (!rows.ok) return
    const rowCheck = createRowCheck()
    for (const raw of rows.value) rowCheck.check(raw)
  }
  return [
    // Files of thousands of rows take their time.
    textTarget('fleet CSV', [CSV, CSV.replaceAll(',', ';'), CSV.replaceAll('\n', '\r\n')], check, 0.1),
    { name: 'fleet JSON', share: 0.1, make: (random) => mutateJson([row, { ...row, serial: 'B' }], random), check },
    {
      name: 'fleet file bytes',
      share: 0.2,
      make: (random) => mutateBytes(new TextEncoder().encode(CSV), random, [new TextEncoder().encode(CSV)], 100_000),
      check: (bytes) => checkResult(readFleetFile(bytes as Uint8Array)),
    },
    {
      name: 'readFleetRow',
      share: 1,
      make: (random) => mutateValue(row, random),
      check(value) {
        if (typeof value === 'object' && value !== null) checkResult(readFleetRow(value as Record<string, unknown>))
      },
    },
  ] as FuzzTarget[]
}

/** Whatever a database hands back: a yes or a no. */
function shapeTargets({ made }: Corpus): FuzzTarget[] {
  const { networkId, tip } = made.chain
  const { hash, height } = tip.node
  const network = {
    networkId: toHex(networkId),
    name: 'Home',
    checkpoint: { height, hash },
    addresses: ADDRESSES,
    start: hash,
    lastActive: 1,
  }
  const restart = { height, hash, settled: { height, keepersSeen: 1, keepers: 1 }, floor: 0, start: hash, items: hash }
  const identity = {
    ...{ state: 'settled', deviceId: hash, anchor: hash, label: 1, application: hash, transaction: hash, done: ['a'] },
    failure: { code: 'a', sentence: 'b' },
  }
  const examples: Readonly<Record<string, unknown>> = {
    isNetworkRecord: network,
    isRestartRecord: restart,
    isHeaderChunk: { first: 1, start: hash, items: hash },
    isIdentityRecord: identity,
    isIncident: { at: 1, code: 'a', sentence: 'b', severity: 'note' },
    isDirectoryRecord: { networkId: toHex(networkId), bytes: hash, importedAt: 1 },
    isKeyPair: { privateKey: {}, publicKey: {} },
  }
  return Object.entries(shapes).map(([name, check]) => ({
    name,
    share: 0.5,
    make: (random) => mutateValue(examples[name] ?? network, random),
    check(value) {
      if (typeof (check as (value: unknown) => unknown)(value) !== 'boolean') throw new Error('neither yes nor no')
    },
  }))
}

function mdnsTarget({ bytes }: Corpus): FuzzTarget<Uint8Array> {
  const name = 'lares.local'
  const records = [
    { type: 'A' as const, address: '192.168.7.9' },
    { type: 'AAAA' as const, address: 'fe80::1' },
  ]
  const valid = [encodeProbe(name, records), encodeResponse(name, records)]
  return {
    name: 'mDNS',
    share: 1,
    make: (random) => mutateBytes(random.pick(valid), random, [...valid, random.pick(bytes)], 9_000),
    check: (input) => void readMessage(input, name),
  }
}

function networkFileTarget(): FuzzTarget {
  return {
    name: 'network file',
    share: 0.5,
    make: (random) => mutateValue({ preset: 'test', spacingMs: 500, settleDepth: 3, targetLimit: 0x2000ffff }, random),
    check(content) {
      if (typeof content !== 'object' || content === null || Array.isArray(content)) return
      checkResult(parametersOf({ kind: 'file', path: '/x', content: content as Record<string, unknown> } as never))
    },
  }
}

/** Verifiers of what decodes: a changed proof must not say what the valid one says of another. */
function proofTargets({ bytes, made }: Corpus, deviceId: Uint8Array): FuzzTarget[] {
  const { chain } = made
  const { networkId } = chain
  const verifier = createNodeVerifier()
  const bundles = bytes.filter((one) => bundleCodec.decode(one).ok)
  const headers = bytes.filter((one) => headersCodec.decode(one).ok && one.length > 400)
  const checkpoints = bytes.filter((one) => checkpointCodec.decode(one).ok)
  const record = {
    networkId: toHex(networkId),
    name: '',
    checkpoint: { height: 5, hash: chain.at(5).node.hash },
    addresses: [],
    start: undefined,
    lastActive: 0,
  }
  const said = async (input: Uint8Array) => await verifyBundle(input, networkId, verifier, deviceId)
  /** What is said of the device, and at which settled header; headers on top of it may be fewer. */
  const essence = ({ tip: _, ...verdict }: BundleVerdict) => show({ ...verdict, settled: verdict.settled.hash })
  const truths = Promise.all(bundles.map(said)).then((all) => all.flatMap((one) => (one.ok ? essence(one.value) : [])))
  return [
    {
      name: 'verifyBundle',
      share: 0.4,
      make: (random) => mutateBytes(random.pick(bundles), random, bundles, 100_000),
      async check(input) {
        const result = await said(input as Uint8Array)
        checkResult(result)
        if (result.ok && !(await truths).includes(essence(result.value))) throw new Error('something else was believed')
      },
    },
    {
      name: 'readOrigin',
      share: 0.4,
      make: (random) => mutateBytes(random.pick(checkpoints), random, checkpoints, 20_000),
      async check(input) {
        const result = await readOrigin(networkId, record, input as Uint8Array, verifier)
        checkResult(result)
        if (result.ok && !equalBytes(result.value.node.hash, record.checkpoint.hash)) throw new Error('another start')
      },
    },
    {
      name: 'readPackedHeaders',
      share: 0.2,
      make: (random) => mutateBytes(random.pick(headers), random, headers, 20_000),
      async check(input) {
        const { nodes } = await readPackedHeaders(input as Uint8Array, chain.first.node, {
          rules: chain.rules,
          verifier,
        })
        for (const node of nodes) if (!chain.blocks.has(node.id)) throw new Error('a header that nobody sealed')
      },
    },
  ] as FuzzTarget[]
}
