import { expect, it } from 'vitest'
import { POWER, REACHABILITY } from '../../../shared/admission/hardware.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { benchmarkHashes, measureProfile } from '../../../web/client/own-profile.ts'
import type { PagePort } from '../../../web/client/ports.ts'
import { readPower } from '../../../web/page/power.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const HARDWARE = { computeScore: 150_000, cores: 8, memoryMiB: 8_192, storageMiB: 9_000, connection: 0 } as const

it('says which label the device fits, by thresholds that the ledger proves', async () => {
  const chain = new ChainBuilder()
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  expect(await harness.call({ call: 'explain-label' })).toMatchObject({ ok: false, code: 'no-network' })
  await harness.open()
  await harness.connect('A', createHonestNode({ chain }))
  for (let minute = 0; minute < 10; minute++) {
    await harness.clock.advance(60_000)
    await harness.gossip('A', await chain.mine())
  }
  const answer = await harness.call({ call: 'explain-label' })
  if (!answer.ok) throw new Error(answer.sentence)
  expect(answer.value.label).toBe(LABEL.lightweight)
  const of = (wanted: string) => answer.value.reasons.find(({ requirement }) => requirement === wanted)
  expect(of('lifetime')).toMatchObject({ have: 600, need: DEFAULT_POLICY.label.fullLifetimeSeconds, isMet: false })
  expect(of('compute')).toMatchObject({ have: 150_000, isMet: true })
  expect(of('power')).toMatchObject({ have: POWER.mains, isMet: true })
  expect(of('reachability')).toMatchObject({ have: REACHABILITY.nobody, isMet: false })
})

it('says nothing when nobody proves the thresholds', async () => {
  const chain = new ChainBuilder()
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  await harness.open()
  const honest = createHonestNode({ chain })
  await harness.connect('A', async (protocol, bytes) =>
    protocol === PROTOCOLS.proof.id ? 'reject' : honest(protocol, bytes),
  )
  expect(await harness.call({ call: 'explain-label' })).toMatchObject({ ok: false, code: 'label-unknown' })
})

it('measures without a page that answers', async () => {
  const page = { call: () => Promise.reject(new Error('gone')) } as unknown as PagePort
  const lived = { lifetimeSeconds: 7, availability: 900 }
  expect(await measureProfile(async () => HARDWARE, page, lived)).toEqual({
    ...HARDWARE,
    ...lived,
    power: POWER.unknown,
    reachability: REACHABILITY.nobody,
  })
})

it('counts hashes against the clock', () => {
  let now = 0
  // A clock that goes on by 10 ms at each look: five batches of 64 in 60 ms.
  expect(benchmarkHashes(() => (now += 10))).toBeCloseTo((1_000 * 4 * 64) / 60, 5)
})

it('takes a battery that is full for ever for mains', async () => {
  const battery = (parts: object) => async () => ({ charging: true, level: 1, chargingTime: 0, ...parts })
  expect(await readPower({ getBattery: battery({}) })).toBe(POWER.mains)
  expect(await readPower({ getBattery: battery({ charging: false }) })).toBe(POWER.battery)
  expect(await readPower({ getBattery: battery({ level: 0.8, chargingTime: 600 }) })).toBe(POWER.battery)
  expect(await readPower({ getBattery: () => Promise.reject(new Error('not allowed')) })).toBe(POWER.unknown)
  expect(await readPower({})).toBe(POWER.unknown)
})
