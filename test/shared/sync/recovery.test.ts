/** A phone that has settled past a backup goes on from the owners' recovery, and from nothing less. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import {
  checkpointCodec,
  checkpointRequestCodec,
  type RecoveryAnswer,
  recoveryCodec,
  recoveryRequestCodec,
} from '../../../shared/protocol/messages.ts'
import type { Roster } from '../../../shared/roster/roster.ts'
import { checkRecovery, isRecoveredStart } from '../../../shared/sync/recovery.ts'
import { checkStart } from '../../../shared/sync/start.ts'
import { recoverKeeper } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const verifier = createNobleVerifier()
const NEW_KEY = namedSigner('restored')

let chain: ChainBuilder
let first: BuiltBlock
/** What a phone knows that has followed the lost blocks. */
let known: Roster
let answer: RecoveryAnswer

beforeAll(async () => {
  chain = new ChainBuilder()
  const base = await chain.mineMany(3)
  const lost = await chain.mineMany(5)
  known = lost.node.roster
  chain.tip = base
  await recoverKeeper(chain, { base, lost, sealing: NEW_KEY })
  first = await chain.mine({ sealWith: NEW_KEY })
  await chain.mineMany(2)
  const request = recoveryRequestCodec.encode({ networkId: chain.networkId })
  const bytes = await createHonestNode({ chain })(PROTOCOLS.recovery.id, request)
  const decoded = recoveryCodec.decode(bytes as Uint8Array)
  if (!decoded.ok || decoded.value.recovered === undefined) throw new Error('no recovery')
  answer = decoded.value.recovered
})

async function judged(roster: Roster, { change, block }: RecoveryAnswer = answer): Promise<string> {
  const checked = checkRecovery(roster, chain.networkId, { change, block })
  if (!checked.ok) return checked.code
  return (await verifier.verifyBatch(checked.value.signatures)).every(Boolean) ? 'good' : 'bad signature'
}

describe('checkRecovery', () => {
  test('takes the word of the owners that the phone knows', async () => {
    expect(await judged(known)).toBe('good')
  })

  test('not that of other owners, and not that of too few', async () => {
    const thief = { threshold: 1, keys: [namedSigner('thief').publicKey] }
    expect(await judged({ ...known, owners: thief })).toBe('bad signature')
    expect(await judged({ ...known, owners: { threshold: 2, keys: [...known.owners.keys, ...thief.keys] } })).toBe(
      'not-enough-owners',
    )
  })

  test('not an old one again, and not where others have the chain', async () => {
    expect(await judged(first.node.roster)).toBe('recovery-too-old')
    expect(await judged({ ...known, members: Array(4).fill(known.members[0]) })).toBe('too-many-seats')
  })

  test('only with the block that it came with', async () => {
    expect(await judged(known, { ...answer, block: chain.at(5).item.sealed })).toBe('wrong-recovery')
    const { header, seal } = answer.block
    expect(await judged(known, { ...answer, block: { header: { ...header, seat: 1 }, seal } })).toBe('wrong-recovery')
    expect(await judged(known, { ...answer, block: { header: { ...header, nonce: 7 }, seal } })).toBe('bad signature')
  })

  test('nothing of what the owners signed can be changed', async () => {
    if (answer.change.action.TAG !== 'recover') throw new Error('no recovery')
    const { recovery, signatures } = answer.change.action.data
    for (const change of [
      { backupTime: recovery.backupTime - 1 },
      { time: recovery.time + 1 },
      { lost: recovery.base },
    ]) {
      const action = { TAG: 'recover' as const, data: { recovery: { ...recovery, ...change }, signatures } }
      expect(await judged(known, { ...answer, change: { ...answer.change, action } })).toBe('bad signature')
    }
  })
})

test('the start at that block has the roster of the recovery; no other block has', async () => {
  const checked = checkRecovery(known, chain.networkId, answer)
  if (!checked.ok) throw new Error(checked.detail)
  for (const [block, good] of [
    [first, true],
    [chain.at(5), false],
    [chain.at(3), false],
  ] as const) {
    const request = checkpointRequestCodec.encode({ networkId: chain.networkId, hash: block.node.hash })
    const bytes = await createHonestNode({ chain })(PROTOCOLS.checkpoint.id, request)
    const decoded = checkpointCodec.decode(bytes as Uint8Array)
    if (!decoded.ok) throw new Error(decoded.detail)
    const start = checkStart(chain.networkId, block.node.hash, decoded.value)
    if (!start.ok) throw new Error(start.detail)
    expect(isRecoveredStart(start.value, checked.value)).toBe(good)
  }
})
