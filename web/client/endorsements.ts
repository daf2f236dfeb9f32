import { compareBytes, equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { type CoordinationSet, coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY, deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import { endorsementAnswerCodec } from '../../shared/protocol/messages.ts'
import { endorsementMessage, hashApplication, type Register } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { ChainAccess } from './chain-access.ts'
import type { PagePort } from './ports.ts'

/** Endorsements of different sponsors that a registration needs, where the set has as many (DESIGN 4). */
const WANTED = 2
/** Coordination nodes that are dialled for it, beside the servers that are connected. */
const MAX_DIALLED = 4

type Endorsement = Register['endorsements'][number]

/**
 * Asks coordination nodes for their endorsement and checks each by itself: the set and the endorser's key are proven
 * from the state under the own tip. Sorted by device ID.
 *
 * `not-enough-endorsements`: too few answered. Other codes: why they refuse, when all that answered do.
 */
export async function collectEndorsements(
  access: ChainAccess,
  ports: { readonly page: PagePort; readonly verifier: SignatureVerifier },
  application: Register,
): Promise<Result<Endorsement[]>> {
  const tip = access.graph?.tip
  const proven = tip && (await access.query(tip, COORDINATION_SET_KEY))
  if (tip === undefined || proven?.kind !== 'proven' || proven.value === undefined)
    return reject('not-enough-endorsements', 'the coordination set could not be proven')
  const set = coordinationSetCodec.decode(proven.value)
  if (!set.ok) return set
  const wanted = Math.min(WANTED, new Set(set.value.members.map(({ sponsor }) => toHex(sponsor))).size)

  const request = transactionCodec.encode({ TAG: 'register', data: { ...application, endorsements: [] } })
  const message = endorsementMessage(access.networkId, hashApplication(application))
  const found = new Map<string, Endorsement>()
  const voices = new Set<string>()
  let refused: string | undefined

  async function ask(peer: string): Promise<void> {
    const answer = await access.servers.ask(peer, 'endorse', request)
    if (!answer.ok) return
    const decoded = endorsementAnswerCodec.decode(answer.value)
    if (!decoded.ok) return access.reportLie(peer, decoded.code, answer.value)
    if (decoded.value.TAG === 'refused') {
      refused ??= decoded.value.data.code
      return
    }
    const endorsement = decoded.value.data
    const member = memberOf(set as { value: CoordinationSet }, endorsement.deviceId)
    const record = member && (await provenDevice(endorsement.deviceId))
    if (member === undefined || record === undefined || record.status !== STATUS.active) return
    // One for each voice: what counts for nothing must not fill the room that a registration has for endorsements.
    if (voices.has(toHex(member.sponsor))) return
    const { signature } = endorsement
    if (!(await ports.verifier.verify({ publicKey: record.walletKey, message, signature }))) return
    found.set(toHex(endorsement.deviceId), endorsement)
    voices.add(toHex(member.sponsor))
  }

  async function provenDevice(deviceId: Uint8Array): Promise<DeviceRecord | undefined> {
    const state = await access.query(tip as NonNullable<typeof tip>, deviceKey(deviceId))
    if (state.kind !== 'proven' || state.value === undefined) return undefined
    const record = readDeviceRecord(state.value, deviceId)
    return record.ok ? record.value : undefined
  }

  for (const peer of access.servers.inOrder()) {
    if (voices.size >= wanted) break
    await ask(peer)
  }
  let dialled = 0
  for (const { deviceId, sponsor } of set.value.members) {
    if (voices.size >= wanted || dialled >= MAX_DIALLED) break
    if (voices.has(toHex(sponsor))) continue
    const addresses = (await provenDevice(deviceId))?.addresses ?? []
    if (addresses.length === 0) continue
    dialled++
    // One node out of reach is one voice less: counted below.
    const outcome = await ports.page.call({ call: 'dial', addresses }).catch(() => undefined)
    if (outcome?.ok === true) await ask(outcome.value.peerId)
  }
  if (voices.size < wanted)
    return reject(refused ?? 'not-enough-endorsements', `${voices.size} of ${wanted} endorsements`)
  return accept([...found.values()].sort((a, b) => compareBytes(a.deviceId, b.deviceId)))
}

function memberOf({ value }: { value: CoordinationSet }, deviceId: Uint8Array) {
  return value.members.find((one) => equalBytes(one.deviceId, deviceId))
}
