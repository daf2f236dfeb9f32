/** What a full node asks of one that wants to become one: the steps of its verdict, its probation, and that it has the blocks. */
import { describe, expect, it } from 'vitest'
import {
  ADMISSION_STEPS,
  type AdmissionFacts,
  beginProbation,
  judgeAdmission,
  LEAST_CAPACITY,
  LEAST_CHALLENGES,
  noteChallenge,
  PROBATION_EPOCHS,
  type Probation,
  probationAt,
} from '../../../shared/admission/full-admission.ts'
import { fullApplicationCodec, STATEMENT } from '../../../shared/admission/full-application.ts'
import { CONNECTION, POWER } from '../../../shared/admission/hardware.ts'
import { STORAGE_BUDGET, STORAGE_STEPS, storageDigest } from '../../../shared/admission/storage-challenge.ts'
import { asciiBytes, uintToBytes } from '../../../shared/bytes.ts'
import { runSteps } from '../../../shared/steps.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { applicantAddress, signApplication } from '../../framework/full-actions.ts'

const GOOD: AdmissionFacts = {
  ...{
    isCertified: false,
    vouches: 2,
    reachedBy: 2,
    isReached: true,
    capacity: LEAST_CAPACITY,
    goodEpochs: 2,
    seats: 3,
  },
  challenges: { asked: 4, passed: 3 },
  profile: { storageMiB: 2_048, power: POWER.unknown, connection: CONNECTION.unknown },
  fullStorageMiB: 2_048,
}
const missing = (change: Partial<AdmissionFacts>) =>
  judgeAdmission({ ...GOOD, ...change })
    .steps.filter(({ isMet }) => !isMet)
    .map(({ step }) => step)

describe('the verdict', () => {
  it('needs every step, and names those that are missing', () => {
    expect(judgeAdmission(GOOD)).toMatchObject({ isAdmissible: true })
    expect(judgeAdmission(GOOD).steps.map(({ step }) => step)).toEqual(ADMISSION_STEPS)
    const without: [Partial<AdmissionFacts>, string][] = [
      [{ vouches: 1 }, 'vouches'],
      [{ profile: { ...GOOD.profile, storageMiB: 2_047 } }, 'hardware'],
      [{ profile: { ...GOOD.profile, power: POWER.battery } }, 'hardware'],
      [{ profile: { ...GOOD.profile, connection: CONNECTION.metered } }, 'hardware'],
      [{ reachedBy: 1 }, 'reachability'],
      [{ isReached: false }, 'reachability'],
      [{ capacity: LEAST_CAPACITY - 1 }, 'capacity'],
      [{ challenges: { asked: 4, passed: 2 } }, 'storage'],
      [{ challenges: { asked: 0, passed: 0 } }, 'storage'],
      [{ goodEpochs: PROBATION_EPOCHS - 1 }, 'probation'],
    ]
    for (const [change, step] of without) {
      expect(missing(change), step).toEqual([step])
      expect(judgeAdmission({ ...GOOD, ...change }).isAdmissible).toBe(false)
    }
  })

  it('asks for nobody where a certificate speaks, and for no more than there are', () => {
    expect(missing({ isCertified: true, vouches: 0 })).toEqual([])
    expect(missing({ seats: 1, vouches: 1, reachedBy: 1 })).toEqual([])
    expect(missing({ seats: 2, vouches: 1, reachedBy: 1 })).toEqual(['vouches', 'reachability'])
  })
})

describe('probation', () => {
  const epochOf = (probation: Probation, asked: number, passed: number): Probation => {
    let one = probation
    for (let i = 0; i < asked; i++) one = noteChallenge(one, i < passed)
    return probationAt(one, one.epoch + 1)
  }

  it('counts whole epochs in a row, not the one in which it began', () => {
    let one = epochOf(beginProbation(7), 8, 8)
    expect(one).toEqual({ epoch: 8, asked: 0, passed: 0, isWhole: true, goodEpochs: 0 })
    one = epochOf(one, 8, 6)
    expect(one.goodEpochs).toBe(1)
    one = epochOf(one, 8, 8)
    expect(one.goodEpochs).toBe(2)
    expect(epochOf(one, 8, 8).goodEpochs).toBe(PROBATION_EPOCHS)
  })

  it('begins anew after an epoch that was failed, also the first; one with too few challenges says nothing', () => {
    const one = epochOf(epochOf(beginProbation(0), 8, 8), 8, 8)
    expect(epochOf(one, 8, 5).goodEpochs).toBe(0)
    expect(epochOf(one, LEAST_CHALLENGES - 1, 0).goodEpochs).toBe(1)
    expect(epochOf(one, LEAST_CHALLENGES - 1, LEAST_CHALLENGES - 1).goodEpochs).toBe(1)
    expect(epochOf({ ...beginProbation(0), goodEpochs: 1 }, 8, 0).goodEpochs).toBe(0)
  })

  it('is as it was while the epoch lasts, and where a branch that was left had turned it', () => {
    const one = noteChallenge(beginProbation(3), true)
    expect(probationAt(one, 3)).toBe(one)
    expect(probationAt(one, 2)).toEqual({ ...one, epoch: 2 })
    expect(probationAt(one, 50)).toMatchObject({ epoch: 50, goodEpochs: 0 })
  })
})

describe('a storage challenge', () => {
  const block = (height: number) => asciiBytes(`block ${height}`)
  const answer = (message: string, height: number, blockAt: (height: number) => Uint8Array | undefined = block) =>
    runSteps(storageDigest(asciiBytes(message), height, blockAt))

  it('has one answer, of its message and of the blocks', () => {
    expect(answer('a', 1_000)).toEqual(answer('a', 1_000))
    expect(answer('b', 1_000)).not.toEqual(answer('a', 1_000))
    expect(answer('a', 999)).not.toEqual(answer('a', 1_000))
    const read: number[] = []
    answer('a', 1_000, (height) => {
      read.push(height)
      return block(height)
    })
    expect(new Set(read).size).toBeGreaterThan(150)
    expect(Math.min(...read)).toBeGreaterThan(0)
    expect(Math.max(...read)).toBeLessThanOrEqual(1_000)
  })

  it('chooses each range by the one before: with another block all that follows is another', () => {
    const orders = [0, 1].map((which) => {
      const read: number[] = []
      answer('a', 100_000, (height) => {
        read.push(height)
        return read.length === 9 && which === 1 ? block(0) : block(height)
      })
      return read
    })
    expect(orders[0]?.slice(0, 12)).toEqual(orders[1]?.slice(0, 12))
    expect(orders[0]?.slice(12)).not.toEqual(orders[1]?.slice(12))
    expect(orders[0]).toHaveLength(STORAGE_STEPS * 4)
  })

  it('has no answer without a block, and ends where enough was read', () => {
    expect(answer('a', 4, (height) => (height === 3 ? undefined : block(height)))).toBeUndefined()
    let read = 0
    const large = new Uint8Array(1024 * 1024)
    answer('a', 1_000, () => {
      read += large.length
      return large
    })
    expect(read).toBe(STORAGE_BUDGET)
  })
})

describe('an application', () => {
  const chain = new ChainBuilder()
  const device = { deviceId: uintToBytes(1, 32), wallet: namedSigner('applicant') }

  it('is read as it was written', async () => {
    const application = await signApplication(chain, device)
    expect(fullApplicationCodec.decode(fullApplicationCodec.encode(application))).toMatchObject({ ok: true })
  })

  it('names the addresses of one peer, and statements in order, once each', async () => {
    const statement = { kind: STATEMENT.vouch, seat: 1, expires: 9, signature: new Uint8Array(64) }
    const bad = [
      { addresses: [] },
      { addresses: [applicantAddress('A'), applicantAddress('B')] },
      { addresses: ['/ip4/192.168.1.2/tcp/1'] },
      { statements: [statement, statement] },
      { statements: [statement, { ...statement, seat: 0 }] },
      { statements: [{ ...statement, kind: 3 }] },
      { statements: Array.from({ length: 17 }, (_, seat) => ({ ...statement, seat })) },
      { version: 2 },
    ]
    const good = await signApplication(chain, device, { statements: [statement, { ...statement, kind: 2, seat: 0 }] })
    expect(fullApplicationCodec.encode(good).length).toBeGreaterThan(0)
    for (const change of bad) expect(() => fullApplicationCodec.encode({ ...good, ...change })).toThrow()
  })
})
