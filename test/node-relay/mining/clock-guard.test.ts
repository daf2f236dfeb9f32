import { beforeEach, describe, expect, test } from 'vitest'
import {
  type ClockGuard,
  type ClockVerdict,
  confirmMsOf,
  createClockGuard,
  MAX_JUMP_MS,
  MAX_PAUSE_MS,
  MAX_PEER_CLOCKS,
  MIN_PEER_CLOCKS,
  PEER_CLOCK_LIFETIME_MS,
  STEP_BOUND_MS,
} from '../../../node-relay/mining/clock-guard.ts'
import { maxAhead } from '../../../shared/chain/clock-rules.ts'
import { PRESETS } from '../../../shared/params.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const parameters = PRESETS.home
const AHEAD = maxAhead(parameters)
const CONFIRM = confirmMsOf(parameters)
const START = Date.UTC(2026, 4, 1)

/** A machine with a wall clock that can be set, and a chain that stands still unless told. */
class Machine {
  guard: ClockGuard
  wall = START
  steady = 5_000
  tipTime = START

  constructor() {
    this.guard = createClockGuard({ parameters, genesisTime: START - DAY })
  }

  /** Both clocks go on; the guard is asked each second, as the miner does. */
  run(ms: number): ClockVerdict {
    let verdict = this.look()
    for (let passed = 0; passed < ms; passed += SECOND) {
      this.wall += SECOND
      this.steady += SECOND
      verdict = this.look()
    }
    return verdict
  }

  /** Somebody sets the clock. */
  set(ms: number): void {
    this.wall += ms
  }

  mine(): void {
    this.tipTime = this.wall
  }

  peers(offBy: number, count = MIN_PEER_CLOCKS, trueTime = this.wall): void {
    for (let i = 0; i < count; i++) this.guard.notePeerClock(`peer ${i}`, trueTime + offBy, this.steady)
  }

  look(): ClockVerdict {
    return this.guard.observe({ wall: this.wall, steady: this.steady, tipTime: this.tipTime })
  }
}

const ok = { ok: true }
const fault = (name: string) => expect.objectContaining({ ok: false, fault: name })

let machine: Machine
beforeEach(() => {
  machine = new Machine()
})

describe('without peers', () => {
  test('mines while wall and steady clock agree', () => {
    expect(machine.run(HOUR)).toEqual(ok)
  })

  test('stops before genesis, and goes on when put right', () => {
    machine.run(10 * SECOND)
    machine.tipTime = START - 2 * DAY
    machine.set(-3 * DAY)
    expect(machine.run(HOUR)).toEqual(fault('before-genesis'))
    machine.set(3 * DAY)
    expect(machine.look()).toEqual(ok)
  })

  test.each([1, 20])('set %i years forward: stays stopped, and goes on at once when put right', (years) => {
    machine.run(10 * SECOND)
    machine.set(years * YEAR)
    expect(machine.look()).toEqual(fault('stepped-forward'))
    expect(machine.run(DAY)).toEqual(fault('stepped-forward'))
    machine.set(-years * YEAR)
    expect(machine.look()).toEqual(ok)
  })

  test.each([1, 20])('set %i years back: stays stopped, and goes on at once when put right', (years) => {
    machine.run(10 * SECOND)
    machine.set(-years * YEAR)
    expect(machine.run(DAY).ok).toBe(false)
    machine.set(years * YEAR)
    expect(machine.look()).toEqual(ok)
  })

  test('eight hours asleep with a steady clock that counts on: no stop at all', () => {
    machine.run(10 * SECOND)
    machine.wall += 8 * HOUR
    machine.steady += 8 * HOUR
    expect(machine.look()).toEqual(ok)
  })

  test('eight hours asleep with a steady clock that stood still: goes on after a minute', () => {
    machine.run(10 * SECOND)
    machine.set(8 * HOUR)
    expect(machine.look()).toEqual(fault('stepped-forward'))
    expect(machine.run(CONFIRM - SECOND)).toEqual(fault('stepped-forward'))
    expect(machine.run(SECOND)).toEqual(ok)
    expect(CONFIRM).toBeLessThanOrEqual(60 * SECOND)
  })

  test('a second step begins the wait anew', () => {
    machine.run(10 * SECOND)
    machine.set(HOUR)
    machine.run(CONFIRM - SECOND)
    machine.set(HOUR)
    expect(machine.run(CONFIRM - SECOND)).toEqual(fault('stepped-forward'))
    expect(machine.run(SECOND)).toEqual(ok)
  })

  test('the longest step that time alone confirms, and one that it does not', () => {
    machine.run(10 * SECOND)
    machine.set(MAX_JUMP_MS)
    expect(machine.run(CONFIRM)).toEqual(ok)
    machine.set(MAX_JUMP_MS + SECOND)
    expect(machine.run(10 * CONFIRM)).toEqual(fault('stepped-forward'))
    machine.guard.confirm()
    expect(machine.look()).toEqual(ok)
  })

  test('a small step is none; one just above stops', () => {
    machine.run(10 * SECOND)
    machine.set(STEP_BOUND_MS)
    expect(machine.look()).toEqual(ok)
    machine.set(-STEP_BOUND_MS)
    expect(machine.look()).toEqual(ok)
    machine.set(STEP_BOUND_MS + 1)
    expect(machine.look()).toEqual(fault('stepped-forward'))
  })

  test('a slow drift of the crystal is no step', () => {
    machine.run(SECOND)
    for (let i = 0; i < 100; i++) {
      machine.set(STEP_BOUND_MS / 4)
      expect(machine.run(SECOND)).toEqual(ok)
    }
  })

  test('a step back that does not reach the tip is trusted after a while', () => {
    machine.run(HOUR)
    machine.set(-600 * SECOND)
    expect(machine.look()).toEqual(fault('stepped-back'))
    expect(machine.run(CONFIRM)).toEqual(ok)
  })

  test('the clock is behind the last block: stops by more than maxAhead, and waits for it', () => {
    machine.run(10 * SECOND)
    machine.tipTime = machine.wall + AHEAD
    expect(machine.look()).toEqual(ok)
    machine.tipTime = machine.wall + AHEAD + 10 * SECOND
    expect(machine.look()).toEqual(fault('behind-tip'))
    expect(machine.run(10 * SECOND)).toEqual(ok)
  })

  test('was off for months: mines at once; for years: a person has to say that the date is right', () => {
    machine.tipTime = START - MAX_PAUSE_MS
    expect(machine.look()).toEqual(ok)
    const older = new Machine()
    older.guard = createClockGuard({ parameters, genesisTime: START - 9 * YEAR })
    older.tipTime = START - MAX_PAUSE_MS - HOUR
    expect(older.run(DAY)).toEqual(fault('long-pause'))
    older.guard.confirm()
    expect(older.look()).toEqual(ok)
    expect(older.run(DAY)).toEqual(ok)
  })

  test('started with a clock years ahead: goes on when put right', () => {
    machine.set(3 * YEAR)
    expect(machine.run(HOUR)).toEqual(fault('long-pause'))
    machine.set(-3 * YEAR)
    expect(machine.look()).toEqual(ok)
  })

  test('a confirmation counts for the clock of that moment only', () => {
    machine.run(10 * SECOND)
    machine.guard.confirm()
    expect(machine.look()).toEqual(ok)
    machine.set(YEAR)
    expect(machine.look()).toEqual(fault('stepped-forward'))
  })
})

describe('with peers', () => {
  test('mines while they agree, stops when they do not, goes on when they do', () => {
    machine.peers(AHEAD - SECOND)
    expect(machine.look()).toEqual(ok)
    machine.peers(AHEAD + SECOND)
    expect(machine.look()).toEqual(fault('peers-disagree'))
    machine.peers(-AHEAD - SECOND)
    expect(machine.look()).toEqual(fault('peers-disagree'))
    machine.peers(0)
    expect(machine.look()).toEqual(ok)
  })

  test('two wrong clocks do not stop the miner, nor does a minority', () => {
    machine.peers(YEAR, MIN_PEER_CLOCKS - 1)
    expect(machine.look()).toEqual(ok)
    machine.peers(0, 5)
    machine.peers(YEAR, 2)
    expect(machine.look()).toEqual(ok)
  })

  test('a sleep is confirmed at once, whatever they said before it', () => {
    machine.peers(0)
    machine.run(10 * SECOND)
    machine.set(8 * HOUR)
    expect(machine.look()).toEqual(fault('stepped-forward'))
    machine.peers(0)
    expect(machine.look()).toEqual(ok)
    expect(machine.run(HOUR)).toEqual(ok)
  })

  test('years of pause are confirmed by them', () => {
    machine.run(10 * SECOND)
    machine.set(2 * YEAR)
    expect(machine.look()).toEqual(fault('stepped-forward'))
    machine.peers(0)
    expect(machine.look()).toEqual(ok)
  })

  test('a step that they contradict is not confirmed by time', () => {
    machine.run(10 * SECOND)
    machine.set(HOUR)
    machine.look()
    for (let i = 0; i < 20; i++) {
      machine.peers(0, MIN_PEER_CLOCKS, machine.wall - HOUR)
      expect(machine.run(30 * SECOND)).toEqual(fault('peers-disagree'))
    }
    machine.set(-HOUR)
    machine.peers(0)
    expect(machine.look()).toEqual(ok)
  })

  test('a clock that was wrong from the start may be set back when they agree', () => {
    machine.run(10 * SECOND)
    machine.set(-HOUR)
    machine.tipTime = machine.wall - 10 * SECOND
    expect(machine.look()).toEqual(fault('stepped-back'))
    machine.peers(0)
    expect(machine.look()).toEqual(ok)
  })

  test('they cannot confirm a clock behind the last block', () => {
    machine.tipTime = machine.wall + HOUR
    machine.peers(0)
    expect(machine.look()).toEqual(fault('behind-tip'))
  })

  test('old readings do not count', () => {
    machine.peers(AHEAD + SECOND)
    expect(machine.look()).toEqual(fault('peers-disagree'))
    expect(machine.run(PEER_CLOCK_LIFETIME_MS + SECOND)).toEqual(ok)
  })

  test('one source counts once, and readings are bounded', () => {
    for (let i = 0; i < 10; i++) machine.guard.notePeerClock('one', machine.wall + YEAR, machine.steady)
    expect(machine.look()).toEqual(ok)
    machine.peers(YEAR, MAX_PEER_CLOCKS)
    for (let i = 0; i < MAX_PEER_CLOCKS; i++) machine.guard.notePeerClock(`late ${i}`, machine.wall, machine.steady)
    expect(machine.look()).toEqual(ok)
  })
})

test('every stop says why in one sentence', () => {
  machine.run(SECOND)
  machine.set(3 * YEAR)
  const verdict = machine.look()
  expect(verdict).toMatchObject({
    sentence:
      'Mining is stopped because of this computer\'s clock: it jumped ahead by 1095 days. If the date is right, say so with "lares clock confirm".',
  })
  machine.set(-9 * YEAR)
  expect(machine.look()).toMatchObject({
    sentence: expect.stringMatching(/^Mining is stopped .*network began on 2026-04-30.*\.$/),
  })
})

test('a clock beyond any date does not throw', () => {
  machine.run(SECOND)
  machine.wall = 9e15
  expect(machine.look().ok).toBe(false)
  machine.wall = -9e15
  expect(machine.look().ok).toBe(false)
})
