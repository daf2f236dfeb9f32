/** Gossip by the rate of its neighbour: what is of use passes in any amount, what is not is ignored, and far beyond charged. */
import { describe, expect, it } from 'vitest'
import {
  GOSSIP_RATE,
  type GossipVerdict,
  IGNORED_ALLOWED,
  IGNORED_WINDOW_MS,
  MAX_VALIDATIONS_PER_PEER,
  USELESS_ALLOWED,
} from '../../../shared/protocol/transport.ts'
import type { LibraryValidator } from '../../../shared/transport/ports.ts'
import { createTopics } from '../../../shared/transport/topics.ts'

function setUp(validate: (bytes: Uint8Array) => Promise<GossipVerdict>) {
  const clock = { ms: 1_000_000 }
  const charges: string[] = []
  let validator: LibraryValidator | undefined
  const topics = createTopics({
    gossip: {
      topicValidators: { set: (_topic, one) => (validator = one), delete: () => true },
      subscribe: () => {},
      unsubscribe: () => {},
      publish: async () => ({ recipients: [] }),
    },
    now: () => clock.ms,
    charge: (peer, code) => void charges.push(`${peer} ${code}`),
    log: () => {},
  })
  let judged = 0
  topics.subscribe('topic', 100, async (_from, bytes) => {
    judged++
    return await validate(bytes)
  })
  const send = (from = 'peer') => validator?.(from, { data: new Uint8Array(1) }) as Promise<GossipVerdict>
  return { clock, charges, send, judged: () => judged }
}

describe('gossip of a neighbour', () => {
  it('that is of use passes, however much it is', async () => {
    const { send, judged, charges } = setUp(async () => 'accept')
    for (let i = 0; i < 3 * GOSSIP_RATE.capacity; i++) expect(await send()).toBe('accept')
    expect(judged()).toBe(3 * GOSSIP_RATE.capacity)
    expect(charges).toEqual([])
  })

  it('that is of no use is looked at no faster than its rate, and charged only far beyond', async () => {
    const { clock, send, judged, charges } = setUp(async () => 'ignore')
    for (let i = 0; i < GOSSIP_RATE.capacity + USELESS_ALLOWED; i++) expect(await send()).toBe('ignore')
    expect(judged()).toBe(GOSSIP_RATE.capacity)
    expect(charges).toEqual([])
    await send('another')
    expect(judged()).toBe(GOSSIP_RATE.capacity + 1)
    await send()
    expect(charges).toEqual(['peer gossip-flood'])
    clock.ms += IGNORED_WINDOW_MS
    for (let i = 0; i < GOSSIP_RATE.capacity + USELESS_ALLOWED; i++) await send()
    expect(charges).toEqual(['peer gossip-flood'])
  })

  it('that comes all at once is ignored beyond a number, and nobody is blamed', async () => {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const { send, judged, charges } = setUp(async () => {
      await opened
      return 'accept'
    })
    const verdicts = Array.from({ length: 2 * MAX_VALIDATIONS_PER_PEER }, () => send())
    open()
    const said = await Promise.all(verdicts)
    expect(said.filter((verdict) => verdict === 'accept')).toHaveLength(MAX_VALIDATIONS_PER_PEER)
    expect(judged()).toBe(MAX_VALIDATIONS_PER_PEER)
    expect(charges).toEqual([])
    expect(await send()).toBe('accept')
    for (let i = 0; i < IGNORED_ALLOWED; i += MAX_VALIDATIONS_PER_PEER)
      await Promise.all(Array.from({ length: 2 * MAX_VALIDATIONS_PER_PEER }, () => send()))
    expect(charges).toEqual(['peer gossip-flood'])
  })
})
