import * as P from 'micro-packed'
import { equalBytes, toHex } from '../bytes.ts'
import { type ChainNode, extendChain, startChain } from '../chain/chain-node.ts'
import { headerItemCoder } from '../chain/header-item.ts'
import { settledBy } from '../chain/settled.ts'
import { checked, createCodec, hash32 } from '../codec.ts'
import type { SignatureCheck, SignatureVerifier } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { hashHeader, headerCoder, SEAL_LENGTH } from '../header/header.ts'
import { mountainRangeCoder } from '../history/mountain-range.ts'
import { STATUS } from '../identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../identity/record.ts'
import { genesisCodec, genesisRoster, hashGenesis } from '../ledger/genesis.ts'
import { deviceKey } from '../ledger/state-keys.ts'
import { rosterRoot } from '../roster/roster.ts'
import { rosterChangeCoder } from '../transaction/roster-change.ts'
import { checkRosterChange } from './roster-change.ts'
import { stateProofCoder, verifyStateProof } from './state-proof.ts'

export const MAX_BUNDLE_LENGTH = 1024 * 1024
const MAX_ROSTER_LOG = 4_096
/** More are not needed: a header that is settled at all was settled by the first few hundred on top of it. */
export const MAX_HEADERS_ABOVE = 2_016

/**
 * Proof of one device ID that stands by itself: whoever knows the network ID can verify it, offline. Every byte of it is
 * checked, so an altered one proves nothing.
 */
const bundleCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown bundle version ${version}`)),
  deviceId: hash32,
  genesis: P.bytes(P.U16BE),
  genesisHeader: headerCoder,
  /** Every roster change from genesis up to the settled header: leads to its roster, trusting nobody. */
  rosterLog: checked(P.array(P.U16BE, rosterChangeCoder), (log) =>
    log.length <= MAX_ROSTER_LOG ? undefined : 'roster log too long',
  ),
  /** Parent of the settled header; absent when that is genesis. */
  parent: P.optional(P.bool, headerCoder),
  /** The header the verdict is read at. */
  settled: headerCoder,
  range: mountainRangeCoder,
  /** The headers on top of it, with their seals. */
  above: checked(P.array(P.U16BE, headerItemCoder), (items) =>
    items.length <= MAX_HEADERS_ABOVE ? undefined : 'too many headers',
  ),
  proof: stateProofCoder,
})

export type Bundle = P.UnwrapCoder<typeof bundleCoder>

export const bundleCodec = createCodec<Bundle>('proof bundle', MAX_BUNDLE_LENGTH, bundleCoder)

export interface BundleVerdict {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  readonly state: 'registered' | 'retired' | 'not-in-ledger'
  readonly record: DeviceRecord | undefined
  readonly settled: {
    readonly height: number
    readonly time: number
    readonly hash: Uint8Array
    readonly keepersSeen: number
    readonly keepers: number
  }
  readonly tip: { readonly height: number; readonly time: number; readonly hash: Uint8Array }
}

/**
 * Verifies a bundle with hashes and signatures alone: genesis → roster log → settled header → the seals of two thirds of
 * the seats on top of it → state proof.
 *
 * @param networkId the network the reader trusts
 * @param deviceId the device that was asked about; without it, the verdict is about the one that the bundle names
 */
export async function verifyBundle(
  bytes: Uint8Array,
  networkId: Uint8Array,
  verifier: SignatureVerifier,
  deviceId?: Uint8Array,
): Promise<Result<BundleVerdict>> {
  const decoded = bundleCodec.decode(bytes)
  if (!decoded.ok) return decoded
  const bundle = decoded.value
  if (deviceId !== undefined && !equalBytes(bundle.deviceId, deviceId))
    return reject('another-device', 'the bundle is about another device')
  const checked = checkBundle(bundle, networkId)
  if (!checked.ok) return checked
  const verdicts = await verifier.verifyBatch(checked.value.signatures)
  if (!verdicts.every(Boolean))
    return reject('bad-signature', 'a seal or a roster change is not signed by whom it says')
  return accept(checked.value.verdict)
}

function checkBundle(
  bundle: Bundle,
  networkId: Uint8Array,
): Result<{ readonly verdict: BundleVerdict; readonly signatures: readonly SignatureCheck[] }> {
  const genesis = genesisCodec.decode(bundle.genesis)
  if (!genesis.ok) return genesis
  const first = bundle.genesisHeader
  if (!equalBytes(hashHeader(first), networkId)) return reject('unknown-network', 'the bundle is of another network')
  if (!equalBytes(first.previousHash, hashGenesis(genesis.value)))
    return reject('wrong-genesis', 'not the genesis of this network')
  const rules = { networkId, parameters: genesis.value.parameters }

  const signatures: SignatureCheck[] = []
  let roster = genesisRoster(genesis.value)
  if (!equalBytes(first.rosterRoot, rosterRoot(roster)))
    return reject('wrong-genesis', 'not the first roster of this network')
  for (const change of bundle.rosterLog) {
    const next = checkRosterChange(roster, change, { networkId, height: undefined })
    if (!next.ok) return next
    roster = next.value.roster
    signatures.push(...next.value.signatures)
  }

  const { settled, parent } = bundle
  if ((parent === undefined) !== (settled.height === 0)) return reject('wrong-parent', 'the parent header is missing')
  if (parent !== undefined && !equalBytes(hashHeader(parent), settled.previousHash))
    return reject('wrong-parent', 'not the parent')
  if (settled.height === 0 && !equalBytes(hashHeader(settled), networkId))
    return reject('wrong-genesis', 'another genesis')
  // Its own seal is not needed: the seals above it seal their whole past.
  const start = startChain({
    sealed: { header: settled, seal: new Uint8Array(SEAL_LENGTH) },
    previous: parent && { time: parent.time, target: parent.target },
    roster,
    range: bundle.range,
  })
  if (!start.ok) return start

  const above: ChainNode[] = []
  let tip = start.value
  for (const item of bundle.above) {
    const extended = extendChain(tip, item, rules)
    if (!extended.ok) return extended
    tip = extended.value.node
    above.push(tip)
    signatures.push(...extended.value.signatures)
  }
  const found = settledBy(start.value, above, rules.parameters)
  // Genesis needs nobody's seal: it is the network ID.
  if (found === undefined && settled.height > 0)
    return reject('not-settled', 'the header is not settled by the headers on top of it')

  const state = verifyStateProof({ root: settled.stateRoot, key: deviceKey(bundle.deviceId), proof: bundle.proof })
  if (!state.ok) return state
  const verdict = {
    networkId,
    deviceId: bundle.deviceId,
    settled: {
      height: settled.height,
      time: settled.time,
      hash: start.value.hash,
      keepersSeen: found?.keepersSeen ?? 0,
      keepers: found?.keepers ?? roster.members.length,
    },
    tip: { height: tip.height, time: tip.sealed.header.time, hash: tip.hash },
  }
  if (state.value.absent)
    return accept({ verdict: { ...verdict, state: 'not-in-ledger', record: undefined }, signatures })
  const record = readDeviceRecord(state.value.value, bundle.deviceId)
  if (!record.ok) return record
  const retired = record.value.status === STATUS.retired
  return accept({
    verdict: { ...verdict, state: retired ? 'retired' : 'registered', record: record.value },
    signatures,
  })
}

/** The record under a proven key: it must be the record of the asked device, whatever its key. */
export function readDeviceRecord(value: Uint8Array, deviceId: Uint8Array): Result<DeviceRecord> {
  const record = deviceRecordCodec.decode(value)
  if (!record.ok) return record
  if (!equalBytes(record.value.deviceId, deviceId))
    return reject('wrong-record', `the record is of device ${toHex(record.value.deviceId)}`)
  return record
}
