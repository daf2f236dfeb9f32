import { describe, expect, it } from 'vitest'
import type { KeeperActivity } from '../../../shared/chain/keepers.ts'
import { formatTime } from '../../../web/ui/format.ts'
import { cleanWord, stepLooks } from '../../../web/ui/identity-words.ts'
import {
  keeperSentence,
  keepersSentence,
  phaseSentence,
  servedBySentence,
  sortPeers,
  syncProgress,
} from '../../../web/ui/network-words.ts'
import { pairingLooks, priceSentence, puzzleProgress, restSentence } from '../../../web/ui/pairing-words.ts'
import {
  codeOriginSentence,
  deviceFacts,
  lookOf,
  proofFacts,
  VERDICT_LOOKS,
  verdictAloud,
} from '../../../web/ui/verdict-words.ts'
import type { AuditReport, KeepersView } from '../../../web/worker/api.ts'
import { emptyReport } from '../../../web/worker/empty-report.ts'
import { network, SAMPLE_NOW, sampleReport, stepsDone } from './sample-views.ts'

describe('words about a network', () => {
  it('calls a sleeping network asleep, and says nothing of lies', () => {
    const asleep = network({ phase: 'asleep', tip: { height: 9, hash: '', time: SAMPLE_NOW - 8 * 3_600_000 } })
    const sentence = phaseSentence(asleep, SAMPLE_NOW)
    expect(sentence).toContain('No new block for 8 h')
    expect(sentence).toContain('slept')
    expect(sentence).not.toMatch(/\bl(ie|ying|iar)/i)
  })

  it('shows progress only while syncing, from the checkpoint on', () => {
    const syncing = network({ phase: 'syncing', startHeight: 100, targetHeight: 200 })
    expect(syncProgress({ ...syncing, tip: undefined })).toBe(0)
    expect(syncProgress({ ...syncing, tip: { height: 150, hash: '', time: 0 } })).toBe(0.5)
    expect(syncProgress({ ...syncing, tip: { height: 250, hash: '', time: 0 } })).toBe(1)
    expect(syncProgress({ ...syncing, targetHeight: 100 })).toBeUndefined()
    expect(syncProgress({ ...syncing, phase: 'following' })).toBeUndefined()
  })

  it('counts keepers', () => {
    expect(keepersSentence({ keepersSeen: 2, keepers: 3 })).toBe('2 of 3 keepers seen')
    expect(keepersSentence({ keepersSeen: 1, keepers: 1 })).toBe('1 of 1 keeper seen')
  })

  it('says who sealed what, and of who sleeps what that means', () => {
    const { shown } = network().keepers as KeepersView
    const [asleep, awake] = shown as [KeeperActivity, KeeperActivity]
    expect(keeperSentence(awake, 100, SAMPLE_NOW)).toBe('Sealed 58 of the last 100 blocks, its last 12 s ago.')
    expect(keeperSentence({ ...awake, sealed: 0, last: undefined }, 1, SAMPLE_NOW)).toBe(
      'Sealed 0 of the last 1 block.',
    )
    expect(keeperSentence(asleep, 100, SAMPLE_NOW)).toBe(
      'Has not sealed since block 47,871, 2 h 51 min ago; its turn passes to others.',
    )
    expect(keeperSentence({ ...asleep, last: undefined }, 100, SAMPLE_NOW)).toBe(
      'Has not sealed any of the last 342 blocks; its turn passes to others.',
    )
  })

  it('names the serving peer first, then the nearest', () => {
    const { peers } = network()
    expect(sortPeers(peers).map((peer) => peer.roundTrip)).toEqual([14.2, 22, 31, undefined])
    expect(servedBySentence(peers)).toBe('Served by the coordination node …Rrelay over direct WebRTC.')
    expect(servedBySentence([])).toBe('No peer serves this browser now.')
  })
})

it('shows no cross for an ID on its way into the ledger', () => {
  expect(lookOf({ verdict: 'not-in-ledger', pending: false, device: undefined })).toMatchObject({
    tone: 'bad',
    symbol: 'cross',
  })
  expect(lookOf({ verdict: 'not-in-ledger', pending: true, device: undefined })).toMatchObject({
    tone: 'calm',
    symbol: 'clock',
  })
})

describe('words about a verdict', () => {
  it('gives each verdict its own word and no two of opposite meaning one look', () => {
    const looks = Object.values(VERDICT_LOOKS)
    expect(new Set(looks.map((look) => look.word)).size).toBe(looks.length)
    expect(new Set(looks.map((look) => look.symbol)).size).toBe(looks.length)
    expect(looks.filter((look) => look.tone === 'good').map((look) => look.word)).toEqual(['Registered', 'Genuine'])
  })

  it('says as of which block, how deep, how old, by how many bytes', () => {
    const facts = Object.fromEntries(
      proofFacts(sampleReport('registered'), SAMPLE_NOW).map(({ testId, detail }) => [testId, detail]),
    )
    expect(facts).toMatchObject({
      'audit-asof': 'settled block 48,207',
      'audit-depth': '6 blocks on top',
      'audit-age': '3 min ago',
      'audit-keepers': '3 of 3 keepers seen',
      'audit-proof-bytes': '1.5 kB',
    })
  })

  it('says until when the certificate of a device is good, as of the settled block', () => {
    const report = sampleReport('registered')
    const { asOf, device } = report
    const factsAt = (certifiedUntil: number | undefined) =>
      deviceFacts({ ...report, device: device && { ...device, assurance: 'A2', certifiedUntil } }).filter(
        ({ testId }) => testId === 'audit-certificate',
      )
    const time = asOf?.time ?? 0
    expect(factsAt(undefined)).toEqual([])
    expect(factsAt(time)[0]?.detail).toMatch(/^good until /)
    expect(factsAt(time - 1)[0]?.detail).toMatch(/^ended .*: it must verify again$/)
  })

  it('warns of a device whose key was copied', () => {
    const report = sampleReport('registered')
    const contested = { ...report, device: report.device && { ...report.device, contestedAt: SAMPLE_NOW } }
    expect(lookOf(report)).toMatchObject({ tone: 'good' })
    expect(lookOf(contested)).toMatchObject({ tone: 'warn', word: 'Registered, but its key was copied' })
    const said = (of: AuditReport) => deviceFacts(of).filter(({ testId }) => testId === 'audit-contested')
    expect(said(report)).toEqual([])
    expect(said(contested).map(({ detail }) => detail)).toEqual([
      `someone else claimed this device with a copy of it at ${formatTime(SAMPLE_NOW)}; not verified again since`,
    ])
  })

  it('claims no block and no proof when nothing was proven', () => {
    const report = emptyReport('cannot-say', 'bridge-timeout', 'This took too long: try again.', 60_000)
    expect(proofFacts(report, SAMPLE_NOW).map((fact) => fact.term)).toEqual(['Took'])
    expect(deviceFacts(report)).toEqual([])
    expect(verdictAloud(report)).toBe('Cannot say. This took too long: try again.')
  })

  it('says where the code came from', () => {
    expect(codeOriginSentence({ codeFromAuditedRelay: true, codeOrigin: 'https://lares.local' })).toContain(
      "the verdict is worth no more than that relay's honesty",
    )
    expect(codeOriginSentence({ codeFromAuditedRelay: false, codeOrigin: 'https://own.example' })).toBe(
      "This page's code came from https://own.example, not from the relay that it audits.",
    )
  })
})

describe('words about joining', () => {
  it('marks the first open step as the one under way, unless it failed', () => {
    expect(stepLooks(stepsDone(2), false).map((step) => step.state)).toEqual(['done', 'done', 'now', 'open', 'open'])
    expect(stepLooks(stepsDone(2), true).map((step) => step.state)).toEqual(['done', 'done', 'open', 'open', 'open'])
    expect(stepLooks(stepsDone(5), false).every((step) => step.state === 'done')).toBe(true)
  })

  it('takes a recovery word in any case', () => expect(cleanWord('  Harbor ')).toBe('harbor'))
})

describe('asking to be let in', () => {
  const VIEW = { step: 'puzzle', tries: 0, tryMs: undefined, code: undefined, until: undefined } as const
  const price = { base: 1, pressure: 2, faults: 4, iterations: 8 }

  it('says how the price came about, and in one word where it is the usual one', () => {
    expect(priceSentence(price)).toContain('8 tries on average: base price 1 × 2 since many')
    expect(priceSentence({ base: 1, pressure: 1, faults: 1, iterations: 1 })).toContain('of one try on average. It')
  })

  it('promises nothing of the puzzle but what luck allows', () => {
    const view = { ...VIEW, price, failure: undefined }
    expect(restSentence(view)).toBe('The first try is under way.')
    expect(restSentence({ ...view, tries: 20, tryMs: 500 })).toBe(
      '20 tries so far; some 4 s more on average, with luck less.',
    )
    expect(restSentence({ ...view, tries: 1, tryMs: 20_000 })).toContain('some 3 minutes more')
    expect(puzzleProgress(0, 8)).toBe(0)
    expect(puzzleProgress(8, 8)).toBeCloseTo(0.656, 3)
    expect(puzzleProgress(0, 1)).toBe(0)
  })

  it('marks what is done, and nothing as under way after a failure', () => {
    const view = { ...VIEW, price, failure: undefined }
    expect(pairingLooks(view)).toMatchObject({ price: 'done', puzzle: 'now', approval: 'open', settled: 'open' })
    expect(pairingLooks({ ...view, failure: { ok: false, code: 'x', sentence: 'x' } }).puzzle).toBe('open')
  })
})
