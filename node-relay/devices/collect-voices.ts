import { equalBytes, toHex } from '../../shared/bytes.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { STATUS } from '../../shared/identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../../shared/identity/record.ts'
import { coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY, deviceKey } from '../../shared/ledger/state-keys.ts'
import type { PeerNetwork, ProtocolSpec } from '../../shared/protocol/transport.ts'

/** Endorsements of different sponsors that a registration needs, where the set has as many (DESIGN 4). */
const WANTED = 2
/** Peers asked, and members of the set dialled, for one registration. */
const MAX_ASKED = 16
const MAX_DIALLED = 4

/** What coordination nodes are asked for a newcomer. */
export interface VoiceQuestion<Voice> {
  readonly spec: ProtocolSpec
  readonly request: Uint8Array
  /** What this relay says itself; undefined where it is no coordination node. */
  readonly own: Result<Voice> | undefined
  /** What another has answered; undefined: nothing that counts. */
  read(answer: Uint8Array): Result<Voice> | undefined
  /** Device ID of who says so. */
  speakerOf(voice: Voice): Uint8Array
  holds(voice: Voice, speaker: DeviceRecord): Promise<boolean>
}

/**
 * The voices that a registration needs: this relay's own, and where the set has several sponsors, those of other coordination
 * nodes, asked over libp2p.
 *
 * `not-enough-endorsements`: too few could be reached. Other codes: why they refuse.
 */
export async function collectVoices<Voice>(
  {
    read: readState,
    network,
  }: {
    read(key: Uint8Array): Promise<Uint8Array | undefined>
    readonly network: PeerNetwork
  },
  { spec, request, own, read, speakerOf, holds }: VoiceQuestion<Voice>,
): Promise<Result<Voice[]>> {
  const bytes = await readState(COORDINATION_SET_KEY)
  const set = bytes && coordinationSetCodec.decode(bytes)
  const members = set?.ok ? set.value.members : []
  const wanted = Math.min(WANTED, new Set(members.map(({ sponsor }) => toHex(sponsor))).size)
  const voices = new Map<string, Voice>()
  let refused: Result<never> | undefined

  async function recordOf(deviceId: Uint8Array): Promise<DeviceRecord | undefined> {
    const value = await readState(deviceKey(deviceId))
    const record = value && deviceRecordCodec.decode(value)
    return record?.ok ? record.value : undefined
  }

  async function take(voice: Voice): Promise<void> {
    const speaker = speakerOf(voice)
    const member = members.find((one) => equalBytes(one.deviceId, speaker))
    const record = member && (await recordOf(speaker))
    if (member === undefined || record?.status !== STATUS.active || voices.has(toHex(member.sponsor))) return
    if (await holds(voice, record)) voices.set(toHex(member.sponsor), voice)
  }

  async function ask(peerId: string): Promise<void> {
    // A peer that does not answer is one voice less: counted below.
    const answer = await network.request(peerId, spec, request).catch(() => undefined)
    const voice = answer && read(answer)
    if (voice?.ok) await take(voice.value)
    else if (voice !== undefined) refused ??= voice
  }

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
  return accept([...voices.values()])
}
