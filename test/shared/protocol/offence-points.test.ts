/**
 * One place says what an offence costs: every code of the rules that a peer's word can break is in it, and what an honest
 * peer may do is not.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { LIES, OFFENCE_POINTS, pointsFor } from '../../../shared/protocol/offence-points.ts'
import { PENALTY_POINTS } from '../../../shared/protocol/penalty-points.ts'
import { PENALTY_LIMIT } from '../../../shared/protocol/transport.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { createHonestNode } from '../../framework/honest-node.ts'
import { createPhone } from '../sync/phone.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Whose rejections are charged to peers. */
const JUDGES = [
  'shared/chain',
  'shared/ledger',
  'shared/proof',
  'shared/sync',
  'shared/transaction',
  'shared/codec.ts',
  'node-relay/full-node/chain.ts',
]
/** Of these files, but of no peer's making. */
const OWN: ReadonlySet<string> = new Set(['chain-taken-back'])

function sourcesOf(path: string): string[] {
  if (path.endsWith('.ts')) return [readFileSync(join(ROOT, path), 'utf8')]
  const names = readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(join(ROOT, path, name), 'utf8'))
}

describe('the points of offences', () => {
  it('are stated for every rejection that can be charged to a peer', () => {
    const codes = JUDGES.flatMap(sourcesOf).flatMap((text) =>
      [...text.matchAll(/(?:\breject\(\s*|\bcode: )'([a-z][a-z-]+)'/g)].map(([, code = '']) => code),
    )
    // Members of the unions of codes, too: a rejection may be made elsewhere.
    const unions = JUDGES.flatMap(sourcesOf).flatMap((text) =>
      [...text.matchAll(/^export type \w+(?:Code|Offence) =((?:[^\n]|\n {2}\|)+)$/gm)].flatMap(([, body = '']) =>
        [...body.matchAll(/'([a-z][a-z-]+)'/g)].map(([, code = '']) => code),
      ),
    )
    const all = [...new Set([...codes, ...unions])].filter((code) => !OWN.has(code))
    expect(all.length).toBeGreaterThan(60)
    expect(all.filter((code) => !LIES.includes(code) && !Object.hasOwn(OFFENCE_POINTS, code))).toEqual([])
    // Each in one of the two.
    expect(LIES.filter((code) => Object.hasOwn(OFFENCE_POINTS, code))).toEqual([])
  })

  it('are those that the transport charges, and between nothing and a ban', () => {
    for (const [code, points] of Object.entries(PENALTY_POINTS)) expect(pointsFor(code)).toBe(points)
    for (const points of Object.values(OFFENCE_POINTS)) {
      expect(points).toBeGreaterThanOrEqual(0)
      expect(points).toBeLessThanOrEqual(PENALTY_LIMIT)
    }
    for (const code of ['unknown-version', 'block-missing', 'state-missing']) expect(pointsFor(code)).toBe(0)
    for (const code of LIES) expect(pointsFor(code)).toBe(PENALTY_LIMIT)
    expect(pointsFor('never-heard-of')).toBe(PENALTY_LIMIT)
  })
})

describe('an honest peer is not charged', () => {
  it('for headers ahead of the clock, for a reorganization, for being slow or for having nothing', async () => {
    const chain = new ChainBuilder({ keepers: 3, name: 'honest' })
    await chain.mineMany(6)
    const fork = chain.tip
    const lost = await chain.mine({ seat: 0 })
    const phone = await createPhone(chain, createHonestNode({ chain }))
    await phone.connect('honest', createHonestNode({ chain }))
    expect(phone.graph.tip.id).toBe(lost.node.id)
    // The others have gone another way.
    const own = await chain.mine({ on: fork, seat: 1, time: lost.block.header.time + 1 })
    const heavier = await chain.mine({ on: own, seat: 2 })
    chain.tip = heavier
    phone.now = heavier.block.header.time
    for (const block of [own, heavier]) await phone.gossip('honest', block)
    expect(phone.graph.tip.id).toBe(heavier.node.id)
    const future = await chain.mine({ time: phone.now + 3_600_000 })
    expect(await phone.gossip('honest', future)).toBe('ignore')
    await phone.connect('slow', 'silent')
    await phone.connect('empty', async () => 'reject')
    await phone.tick(60_000)
    expect(phone.offences()).toEqual([])
  })
})
