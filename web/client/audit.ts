import { equalBytes, ZERO_HASH } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { ForkGraph } from '../../shared/chain/fork-graph.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { labelNames, MARK, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { trustAt, trustScore } from '../../shared/identity/trust.ts'
import { epochCodec } from '../../shared/ledger/records.ts'
import { deviceKey, EPOCH_KEY } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { AuditReport } from '../worker/api.ts'
import { emptyReport } from '../worker/empty-report.ts'
import type { ChainAccess } from './chain-access.ts'
import { AUDIT, CHECKED } from './sentences.ts'
import { viewOfBlock, viewOfSettled } from './view.ts'

/** A question waits this long for the headers to be caught up, ms. */
const READY_MS = 15_000
/** Whether the newest block has what the settled one has not is said only where it is known soon, ms. */
const TIP_PATIENCE_MS = 500
/** Whatever servers do, a person has an answer within this time, ms. */
const DEADLINE_MS = 45_000
/** The settled header moves on while servers are asked: the question is put anew under the newer one, this often. */
const MAX_ROUNDS = 2
/** A connection that has just ended is renewed within this time, ms: relays end theirs after some hundred requests. */
const RENEWAL_MS = 4_000
/** That it has ended is known this long after a question over it failed, ms. */
const ENDING_MS = 250
/** A server that lied is hung up on: the network's other servers have this long to be reached instead, ms. */
const OTHER_SERVER_MS = 8_000

/** Whether the device of this record has signed what it was asked. */
type IsAnswered = (record: DeviceRecord) => Promise<boolean>

/** A followed network with what an audit tells of it. */
export interface AuditedChain extends ChainAccess {
  readonly headersVerified: number
  /** 0 for genesis. */
  readonly startHeight: number
  /** Where the network's servers are, connected or not. */
  readonly addresses: readonly string[]
}

/**
 * What the ledger says of a device, by a proof under the header that this phone itself holds for settled. Trust is
 * counted at the epoch that is proven under the same header.
 *
 * @param isAnswered of a device that was asked itself: then, and only then, it may be genuine
 */
export async function auditDevice(
  chain: AuditedChain,
  deviceId: Uint8Array,
  clock: TransportClock,
  isAnswered?: IsAnswered,
): Promise<AuditReport> {
  const began = clock.now()
  const took = () => Math.max(0, clock.now() - began)
  const text = formatDeviceId(chain.networkId, deviceId)
  const cannotSay = (code: string, sentence: string): AuditReport => ({
    ...emptyReport('cannot-say', code, sentence, took()),
    deviceId: text,
    asOf: chain.graph && viewOfSettled(chain.graph.settled),
    tip: chain.graph && viewOfBlock(chain.graph.tip),
  })

  let cancel = () => {}
  const late = new Promise<AuditReport>((resolve) => {
    cancel = clock.after(DEADLINE_MS, () => resolve(cannotSay('no-answer', AUDIT.noAnswer)))
  })
  try {
    return await Promise.race([findVerdict(chain, deviceId, { text, cannotSay, took, isAnswered }), late])
  } finally {
    cancel()
  }
}

interface Question {
  readonly text: string
  readonly cannotSay: (code: string, sentence: string) => AuditReport
  readonly took: () => number
  readonly isAnswered: IsAnswered | undefined
}

async function findVerdict(chain: AuditedChain, deviceId: Uint8Array, question: Question): Promise<AuditReport> {
  const { text, cannotSay, took, isAnswered } = question
  await chain.until(
    () => chain.graph !== undefined && chain.phase !== 'syncing' && chain.phase !== 'connecting',
    READY_MS,
  )
  if (chain.phase === 'offline') await chain.until(() => chain.phase !== 'offline', RENEWAL_MS)
  const { phase } = chain
  if (phase === 'offline') return cannotSay('offline', AUDIT.offline)
  if (chain.graph === undefined || phase === 'connecting') return cannotSay('connecting', AUDIT.connecting)
  if (phase === 'syncing') return cannotSay('syncing', AUDIT.syncing)
  if (phase === 'asleep') return cannotSay('asleep', AUDIT.asleep)

  let lies = 0
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const graph: ForkGraph | undefined = chain.graph
    // It begins anew, after a recovery.
    if (graph === undefined) break
    const { settled, tip }: ForkGraph = graph
    const asked = new Set(chain.servers.all().map(({ peerId }) => peerId))
    const answer = await chain.query(settled.node, deviceKey(deviceId))
    if (answer.kind !== 'proven') {
      lies += answer.lies
      const hasOther = answer.lies > 0 ? await findOther(chain, asked) : await isRenewed(chain)
      if (!hasOther && chain.graph?.settled.node === settled.node) break
      continue
    }
    const checked = [
      CHECKED.genesis,
      ...(chain.startHeight > 0 ? [CHECKED.checkpoint(chain.startHeight)] : []),
      CHECKED.headers(chain.headersVerified),
      CHECKED.keepers(settled.keepersSeen, settled.keepers),
      CHECKED.proof(answer.proofBytes),
    ]
    const base = {
      deviceId: text,
      asOf: viewOfSettled(settled),
      tip: viewOfBlock(tip),
      proofBytes: answer.proofBytes,
      answeredBy: answer.peer,
      failure: undefined,
    }
    if (answer.value === undefined) {
      const pending = await isInTip(chain, settled.node, deviceId)
      return {
        ...base,
        verdict: 'not-in-ledger',
        sentence: pending ? AUDIT.pending : AUDIT.notInLedger,
        device: undefined,
        pending,
        checked: [...checked, CHECKED.absence, ...(pending ? [CHECKED.pending] : [])],
        tookMs: took(),
      }
    }
    const record = readDeviceRecord(answer.value, deviceId)
    // Two thirds of the keepers stand behind this state, so the server is not to blame.
    if (!record.ok) return cannotSay(record.code, AUDIT.unreadable)
    const epoch = await provenEpoch(chain, settled.node)
    const retired = record.value.status === STATUS.retired
    const contested = (record.value.marks & MARK.contested) !== 0
    const answered = !retired && isAnswered !== undefined && (await isAnswered(record.value))
    // Of a key that somebody else has too, an answer says nothing.
    const genuine = answered && !contested
    const registered = contested ? AUDIT.contested : AUDIT.registered
    return {
      ...base,
      verdict: retired ? 'retired' : genuine ? 'genuine' : 'registered',
      sentence: retired ? AUDIT.retired : genuine ? AUDIT.genuine : registered,
      device: viewOfDevice(chain.networkId, record.value, epoch),
      pending: false,
      checked: [
        ...checked,
        CHECKED.record,
        ...(genuine ? [CHECKED.answer] : []),
        epoch === undefined ? CHECKED.trustOwnEpoch : CHECKED.trust(epoch),
      ],
      tookMs: took(),
    }
  }
  if (lies > 0) return cannotSay('only-lies', AUDIT.onlyLies)
  return chain.servers.size === 0 ? cannotSay('offline', AUDIT.offline) : cannotSay('no-answer', AUDIT.noAnswer)
}

/** Whether a server that was not asked yet is connected, or comes soon: one that the join link names. */
async function findOther(chain: AuditedChain, asked: ReadonlySet<string>): Promise<boolean> {
  const isThere = () => chain.servers.all().some(({ peerId }) => !asked.has(peerId))
  const isNamed = chain.addresses.some((address) => !asked.has(address.split('/p2p/').at(-1) ?? ''))
  if (isNamed) await chain.until(isThere, OTHER_SERVER_MS)
  return isThere()
}

/** Whether the connection ended under the question, and another is there. */
async function isRenewed(chain: AuditedChain): Promise<boolean> {
  const hasEnded = () => chain.servers.size === 0 || chain.graph === undefined
  await chain.until(hasEnded, ENDING_MS)
  if (chain.servers.size > 0 || chain.graph === undefined) return false
  await chain.until(() => chain.servers.size > 0, RENEWAL_MS)
  return chain.servers.size > 0
}

async function isInTip(chain: AuditedChain, settled: ChainNode, deviceId: Uint8Array): Promise<boolean> {
  const tip = chain.graph?.tip
  if (tip === undefined || tip === settled) return false
  // A block that only a server which is gone had: nothing that a person should wait for.
  const answer = await chain.query(tip, deviceKey(deviceId), TIP_PATIENCE_MS)
  return answer.kind === 'proven' && answer.value !== undefined && readDeviceRecord(answer.value, deviceId).ok
}

async function provenEpoch(chain: AuditedChain, settled: ChainNode): Promise<number | undefined> {
  const answer = await chain.query(settled, EPOCH_KEY)
  if (answer.kind !== 'proven' || answer.value === undefined) return undefined
  const epoch = epochCodec.decode(answer.value)
  return epoch.ok ? epoch.value.number : undefined
}

function viewOfDevice(networkId: Uint8Array, record: DeviceRecord, epoch: number | undefined): AuditReport['device'] {
  return {
    label: labelNames(record.label).join(' and '),
    assurance: `A${record.assurance}`,
    trust: trustScore(trustAt(record.trust, epoch ?? record.trust.epoch)),
    registeredHeight: record.registeredHeight,
    registeredTime: record.registeredTime,
    sponsor: equalBytes(record.sponsor, ZERO_HASH) ? undefined : formatDeviceId(networkId, record.sponsor),
    certifiedUntil: record.evidenceExpires === 0 ? undefined : record.evidenceExpires,
    contestedAt: record.contestedAt,
  }
}
