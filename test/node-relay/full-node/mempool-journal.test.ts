import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Added } from '../../../node-relay/full-node/mempool.ts'
import { openMempoolJournal } from '../../../node-relay/full-node/mempool-journal.ts'
import { accept, type Result } from '../../../shared/errors.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lares-journal-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const file = () => join(dir, 'waiting.journal')
const transaction = (byte: number, length = 300) => new Uint8Array(length).fill(byte)

/** Takes everything, and forgets what it is told. */
function fakeMempool() {
  const waiting: Uint8Array[] = []
  return {
    waiting,
    get byteLength() {
      return waiting.reduce((sum, { length }) => sum + length, 0)
    },
    async add(bytes: Uint8Array): Promise<Result<Added>> {
      waiting.push(bytes)
      return accept('added')
    },
    candidates: () => [...waiting],
  }
}

/** The relay was killed: nothing was said to the journal. */
async function restored(): Promise<Uint8Array[]> {
  const mempool = fakeMempool()
  await openMempoolJournal(dir, mempool).restore()
  return mempool.waiting
}

it('begins empty, and brings back what was noted, in order', async () => {
  expect(await restored()).toEqual([])
  const mempool = fakeMempool()
  const journal = openMempoolJournal(dir, mempool)
  for (const byte of [1, 2, 3]) {
    await mempool.add(transaction(byte))
    journal.note(transaction(byte))
  }
  expect(await restored()).toEqual([transaction(1), transaction(2), transaction(3)])
  expect(await restored()).toHaveLength(3)
})

it.each([
  ['torn', () => writeFileSync(file(), readFileSync(file()).subarray(0, -10))],
  ['junk', () => appendFileSync(file(), new Uint8Array(40).fill(0xff))],
  ['altered', () => writeFileSync(file(), readFileSync(file()).fill(9, 500))],
])('an end that is %s costs no more than itself', async (_, spoil) => {
  const journal = openMempoolJournal(dir, fakeMempool())
  journal.note(transaction(1))
  journal.note(transaction(2))
  spoil()
  expect((await restored())[0]).toEqual(transaction(1))
  expect((await restored()).length).toBeLessThanOrEqual(2)
})

it('is written anew when most of it waits no more', async () => {
  const mempool = fakeMempool()
  const journal = openMempoolJournal(dir, mempool)
  const large = 30_000
  for (let i = 0; i < 100; i++) {
    await mempool.add(transaction(i, large))
    journal.note(transaction(i, large))
    if (i >= 3) mempool.waiting.shift()
  }
  expect(statSync(file()).size).toBeLessThan(1.2 * 1024 * 1024)
  expect((await restored()).slice(-3)).toEqual(mempool.waiting.slice(-3))
})

it('stops offering when the relay stops, and loses nothing by that', async () => {
  const first = openMempoolJournal(dir, fakeMempool())
  for (const byte of [1, 2, 3]) first.note(transaction(byte))
  const mempool = fakeMempool()
  const journal = openMempoolJournal(dir, mempool)
  const done = journal.restore()
  await journal.close()
  await done
  expect(mempool.waiting).toHaveLength(1)
  expect(await restored()).toHaveLength(3)
})

it('a folder that takes nothing is no error', async () => {
  rmSync(dir, { recursive: true })
  const journal = openMempoolJournal(dir, fakeMempool())
  journal.note(transaction(1))
  await journal.restore()
})
