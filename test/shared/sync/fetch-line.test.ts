import { beforeAll, describe, expect, it } from 'vitest'
import { ForkGraph } from '../../../shared/chain/fork-graph.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { LightSync } from '../../../shared/sync/light-sync.ts'
import type { SyncAction, SyncEvent } from '../../../shared/sync/sync-events.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const PER_ANSWER = 4
const HEADERS = 11
const chain = new ChainBuilder()
const honest = createHonestNode({ chain })

beforeAll(async () => {
  await chain.mineMany(HEADERS)
})

/** Every answer and every verdict comes when the test says so. */
function createSync() {
  const now = chain.tip.block.header.time
  const rules = { networkId: chain.networkId, parameters: chain.parameters }
  const sync = new LightSync(new ForkGraph(chain.first.node, chain.parameters), rules, { perAnswer: PER_ANSWER })
  const open: SyncAction[] = []
  const offences: string[] = []
  function handle(event: SyncEvent): void {
    for (const action of sync.handle(event, now)) {
      if (action.type === 'request' || action.type === 'verify') open.push(action)
      if (action.type === 'offence') offences.push(action.code)
    }
  }
  function take<Type extends 'request' | 'verify'>(type: Type): Extract<SyncAction, { type: Type }> {
    const at = open.findIndex((action) => action.type === type)
    if (at === -1) throw new Error(`no ${type} is open`)
    return open.splice(at, 1)[0] as Extract<SyncAction, { type: Type }>
  }
  return {
    sync,
    offences,
    connect: (peer: string) => handle({ type: 'peer-connected', peer }),
    open: () => open.map(({ type }) => type).sort(),
    async answer() {
      const { id, protocol, bytes } = take('request')
      const answer = await honest(PROTOCOLS[protocol].id, bytes)
      handle({ type: 'answer', id, result: answer === 'reject' ? reject('refused', '') : accept(answer) })
    },
    answerNothing() {
      const { id } = take('request')
      handle({ type: 'answer', id, result: accept(Uint8Array.of(0, 0)) })
    },
    verify(isGood = true) {
      const { id, signatures } = take('verify')
      handle({ type: 'verified', id, verdicts: signatures.map(() => isGood) })
    },
  }
}

describe('headers on their way into the graph', () => {
  it('are fetched and checked one answer ahead of the signatures, and enter in order', async () => {
    const { sync, offences, connect, open, answer, verify } = createSync()
    connect('a')
    await answer()
    await answer()
    expect(open()).toEqual(['request', 'verify'])
    await answer()
    // The second answer waits for the signatures of the first; a third is not asked for.
    expect(open()).toEqual(['verify'])
    expect(sync.graph.tip.height).toBe(0)
    verify()
    expect(sync.graph.tip.height).toBe(PER_ANSWER)
    expect(open()).toEqual(['request', 'verify'])
    verify()
    expect(sync.graph.tip.height).toBe(2 * PER_ANSWER)
    await answer()
    verify()
    expect(sync.graph.tip.id).toBe(chain.tip.node.id)
    expect(sync.headersVerified).toBe(HEADERS)
    expect(open()).toEqual([])
    expect(offences).toEqual([])
  })

  it('are dropped with what they stand on', async () => {
    const { sync, offences, connect, open, answer, verify } = createSync()
    connect('a')
    await answer()
    await answer()
    await answer()
    verify(false)
    expect(offences).toEqual(['bad-seal'])
    expect(sync.graph.tip.height).toBe(0)
    expect(sync.headersVerified).toBe(0)
    expect(open()).not.toContain('verify')
  })

  it('are dropped too when they come after the verdict', async () => {
    const { sync, offences, connect, open, answer, verify } = createSync()
    connect('a')
    await answer()
    await answer()
    verify(false)
    await answer()
    expect(offences).toEqual(['bad-seal'])
    expect(sync.graph.tip.height).toBe(0)
    expect(open()).not.toContain('verify')
  })

  it('cost a peer nothing when none come ahead: it is asked again, once, after the verdict', async () => {
    const { sync, offences, connect, open, answer, answerNothing, verify } = createSync()
    connect('a')
    await answer()
    await answer()
    answerNothing()
    expect(open()).toEqual(['verify'])
    verify()
    expect(open()).toEqual(['request'])
    while (open().length > 0) {
      if (open().includes('request')) await answer()
      else verify()
    }
    expect(sync.graph.tip.id).toBe(chain.tip.node.id)
    expect(offences).toEqual([])
  })
})
