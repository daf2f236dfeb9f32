import { compareBytes, equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { STATUS } from '../../shared/identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../../shared/identity/record.ts'
import { coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY, deviceKey } from '../../shared/ledger/state-keys.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { endorsementAnswerCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { Register } from '../../shared/transaction/register.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'

/** Endorsements of different sponsors that a registration needs, where the set has as many (DESIGN 4). */
const WANTED = 2
/** Peers asked, and members of the set dialled, for one registration. */
const MAX_ASKED = 16
const MAX_DIALLED = 4

type Endorsement = Register['endorsements'][number]

/**
 * The endorsements of a newcomer: this node's own, where it is a coordination node, and where the set has several sponsors,
 * those of others, asked over libp2p. Sorted by device ID.
 *
 * @param message what they sign
 *
 * `not-enough-endorsements`: too few could be reached. Other codes: why they refuse.
 */
export async function collectEndorsements(
  init: {
    /** The value under a key of the state; undefined: there is none. */
    read(key: Uint8Array): Promise<Uint8Array | undefined>
    readonly network: PeerNetwork
    readonly verifier: SignatureVerifier
    /** undefined: this node does not endorse. */
    readonly endorse: EndorsingDoor | undefined
  },
  protocol: keyof EndorsingDoor,
  application: Uint8Array,
  message: Uint8Array,
): Promise<Result<Endorsement[]>> {
  const { network, verifier } = init
  const bytes = await init.read(COORDINATION_SET_KEY)
  const set = bytes && coordinationSetCodec.decode(bytes)
  const members = set?.ok ? set.value.members : []
  const wanted = Math.min(WANTED, new Set(members.map(({ sponsor }) => toHex(sponsor))).size)
  const voices = new Map<string, Endorsement>()
  let refused: Result<never> | undefined

  async function recordOf(deviceId: Uint8Array): Promise<DeviceRecord | undefined> {
    const value = await init.read(deviceKey(deviceId))
    const record = value && deviceRecordCodec.decode(value)
    return record?.ok ? record.value : undefined
  }

  async function take(endorsement: Endorsement): Promise<void> {
    const member = members.find((one) => equalBytes(one.deviceId, endorsement.deviceId))
    const record = member && (await recordOf(endorsement.deviceId))
    if (member === undefined || record?.status !== STATUS.active || voices.has(toHex(member.sponsor))) return
    const check = { publicKey: record.walletKey, message, signature: endorsement.signature }
    if (await verifier.verify(check)) voices.set(toHex(member.sponsor), endorsement)
  }

  async function ask(peerId: string): Promise<void> {
    // A peer that does not answer is one voice less: counted below.
    const answer = await network.request(peerId, PROTOCOLS[protocol], application).catch(() => undefined)
    const decoded = answer && endorsementAnswerCodec.decode(answer)
    if (!decoded?.ok) return
    if (decoded.value.TAG === 'endorsed') await take(decoded.value.data)
    else refused ??= reject(decoded.value.data.code, decoded.value.data.detail)
  }

  const own = await init.endorse?.[protocol](application)
  if (own?.ok) await take(own.value)
  // What this relay's own judgement refuses, no other's vote brings into a block.
  else if (own !== undefined && own.code !== 'not-a-coordination-node') return own
  // Until the founders' change of the set is in a block, a registration needs no endorsement, and in the next it does.
  else if (own !== undefined && members.length === 0)
    return reject('not-ready', 'This relay is not a coordination node yet; try again in a moment.')

  for (const { peerId } of network.peers().slice(0, MAX_ASKED)) {
    if (voices.size >= wanted) break
    await ask(peerId)
  }
  let dialled = 0
  for (const { deviceId, sponsor } of members) {
    if (voices.size >= wanted || dialled >= MAX_DIALLED) break
    if (voices.has(toHex(sponsor))) continue
    const address = (await recordOf(deviceId))?.addresses[0]
    if (address === undefined) continue
    dialled++
    // One that cannot be reached is one voice less, too.
    const connection = await network.dial(address).catch(() => undefined)
    if (connection !== undefined) await ask(connection.peerId)
  }
  if (voices.size < wanted)
    return (
      refused ?? reject('not-enough-endorsements', `${voices.size} of ${wanted} coordination nodes could be asked.`)
    )
  return accept([...voices.values()].sort((a, b) => compareBytes(a.deviceId, b.deviceId)))
}
