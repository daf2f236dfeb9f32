import { beforeAll, describe, expect, it } from 'vitest'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { type Checkpoint, checkpointCodec, checkpointRequestCodec } from '../../../shared/protocol/messages.ts'
import { admitKeeper, foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, GENESIS, namedSigner } from '../../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { alterByte } from '../../framework/lying-full-node.ts'
import { checkAnswer, startFrom } from './phone.ts'

const chain = new ChainBuilder({ keepers: 2 })
let honest: Answer
let admission: BuiltBlock

beforeAll(async () => {
  const relay = await foundRelay(chain)
  const device = await registerByOwner(chain, { wallet: namedSigner('second'), endorsers: [relay] })
  await chain.mine()
  await admitKeeper(chain, device, namedSigner('second seal'))
  admission = await chain.mine()
  await chain.mineMany(6)
  honest = createHonestNode({ chain })
})

async function checkpointAt(hash: Uint8Array): Promise<Uint8Array> {
  const bytes = await honest(
    PROTOCOLS.checkpoint.id,
    checkpointRequestCodec.encode({ networkId: chain.networkId, hash }),
  )
  if (bytes === 'reject') throw new Error('refused')
  return bytes
}

describe('start of a light node', () => {
  it('begins at genesis, by zeros or by the network ID, and at a checkpoint', async () => {
    for (const hash of [GENESIS, chain.networkId]) {
      const start = await startFrom(chain, honest, hash)
      expect(start.ok && start.value.node.id).toBe(chain.first.node.id)
    }
    for (const block of chain.from(1)) {
      const start = await startFrom(chain, honest, block.node.hash)
      expect(start.ok && start.value.node).toMatchObject({
        id: block.node.id,
        work: block.node.work,
        roster: block.node.roster,
      })
      expect(start.ok && start.value.node.historyRoot).toEqual(block.node.historyRoot)
    }
  })

  it.each([
    ['genesis', (): Uint8Array => GENESIS],
    ['a checkpoint', () => chain.at(8).node.hash],
  ] as const)(
    'does not begin when any one byte of the answer is altered: %s',
    async (_, hashOf) => {
      const hash = hashOf()
      const answer = await checkpointAt(hash)
      expect((await checkAnswer(chain.networkId, hash, answer)).ok).toBe(true)
      const passed: string[] = []
      for (let position = 0; position < answer.length; position++) {
        for (const mask of position % 8 === 0 ? [0xff, 0x01, 0x80] : [1 << (position % 8)])
          if ((await checkAnswer(chain.networkId, hash, alterByte(answer, position, mask))).ok)
            passed.push(`${position}^${mask}`)
      }
      expect(passed).toEqual([])
      for (let length = 0; length < answer.length; length++)
        expect((await checkAnswer(chain.networkId, hash, answer.subarray(0, length))).ok).toBe(false)
    },
    60_000,
  )

  it('begins at a block that changed the roster, whose seal alone cannot be judged', async () => {
    const { hash } = admission.node
    const answer = await checkpointAt(hash)
    const start = await checkAnswer(chain.networkId, hash, answer)
    expect(start.ok && start.value.node.roster.members).toHaveLength(3)
    expect(start.ok && start.value.signatures).toEqual([])
    const passed = new Set<number>()
    for (let position = 0; position < answer.length; position++) {
      const altered = await checkAnswer(chain.networkId, hash, alterByte(answer, position))
      if (!altered.ok) continue
      passed.add(position)
      // The seal is no part of what is taken up.
      expect(altered.value.node.id).toBe(admission.node.id)
      expect(altered.value.node.roster).toEqual(admission.node.roster)
    }
    expect(passed.size).toBe(64)
  }, 60_000)

  it('refuses another header, another network, and a checkpoint or parent that is missing', async () => {
    const answer = await checkpointAt(chain.at(8).node.hash)
    expect(await checkAnswer(chain.networkId, chain.at(7).node.hash, answer)).toMatchObject({
      code: 'wrong-checkpoint',
    })
    const other = new ChainBuilder({ keepers: 2, name: 'other' })
    expect(await checkAnswer(other.networkId, chain.at(8).node.hash, answer)).toMatchObject({ code: 'wrong-genesis' })
    const decoded = checkpointCodec.decode(answer)
    if (!decoded.ok) throw new Error(decoded.detail)
    const without = checkpointCodec.encode({ ...decoded.value, parent: undefined } satisfies Checkpoint)
    expect(await checkAnswer(chain.networkId, chain.at(8).node.hash, without)).toMatchObject({
      code: 'wrong-checkpoint',
    })
    expect(await startFrom(chain, honest, new Uint8Array(32).fill(9))).toMatchObject({ code: 'refused' })
  })
})
