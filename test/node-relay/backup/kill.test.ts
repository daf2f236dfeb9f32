/**
 * Killed at any instant, a backup leaves the old file or the new one, and a restore leaves nothing or the whole relay: child
 * processes do one or the other again and again and get SIGKILL at random moments; each time what is there is looked at.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBackup } from '../../../node-relay/backup/read-backup.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { verifyChain } from '../../../node-relay/full-node/verify-chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { type BackupHome, createBackupHome, filesOf } from './home.ts'
import type { KillTask } from './kill-child.ts'

const KILLS = 5
/** A kill comes within the time of so many whole runs. */
const RUNS = 2.5
const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)
let state = seed
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

let home: BackupHome
beforeAll(async () => {
  console.log(`seed ${seed}`)
  home = await createBackupHome({ blocks: 30 })
}, 60_000)
afterAll(() => home.clear())

async function killInTheMiddle(task: KillTask, runMs: number): Promise<void> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'kill-child.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const gone = once(child, 'exit')
  child.send(task)
  await Promise.race([once(child, 'message'), gone])
  await delay(random() * RUNS * runMs)
  expect(child.kill('SIGKILL'), 'it ended by itself').toBe(true)
  await gone
}

/** How long one run takes here and now, ms. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

describe('killed in the middle', () => {
  it('a backup leaves the old file or the new one', async () => {
    let leftovers = 0
    const runMs = await timed(() => home.backup('elsewhere'))
    for (let kill = 0; kill < KILLS; kill++) {
      if (kill === 1) await home.backup('b')
      await killInTheMiddle({ kind: 'backup', dataDir: home.dataDir, out: home.path('b') }, runMs)
      const names = readdirSync(home.directory).filter((name) => name !== 'data' && name !== 'elsewhere')
      leftovers += names.filter((name) => name.endsWith('.part')).length
      expect(names.filter((name) => name !== 'b').length).toBeLessThanOrEqual(1)
      // Before the first was whole, nothing may stand there.
      if (kill === 0 && !names.includes('b')) continue
      let parts = 0
      for await (const _ of (await openBackup(home.path('b'))).content()) parts++
      expect(parts).toBeGreaterThan(100)
    }
    console.log(`${leftovers} of ${KILLS} kills left half a file`)
    expect(leftovers).toBeGreaterThan(0)
    await home.backup('b')
    expect(readdirSync(home.directory).sort()).toEqual(['b', 'data', 'elsewhere'])
  }, 180_000)

  it('a restore leaves nothing, or the whole relay', async () => {
    await home.backup('b')
    const whole = await home.restore('b', 'whole')
    const files = filesOf(home.path('whole'))
    const runMs = await timed(() => home.restore('b', 'timed'))
    let restored = 0
    let leftovers = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const first = restored
      await killInTheMiddle({ kind: 'restore', from: home.path('b'), into: home.path('r'), first }, runMs)
      const names = readdirSync(home.directory)
      leftovers += names.filter((name) => name.endsWith('.restoring')).length
      restored = names.filter((name) => /^r\d+$/.test(name)).length
      for (let i = first; i < restored; i++) {
        const dataDir = home.path(`r${i}`)
        // A kill right after the last step leaves the lock of a process that is gone, which the next start takes over.
        const { lock: _, ...found } = filesOf(dataDir)
        expect(found).toEqual(files)
        const store = await ChainStore.open(join(dataDir, 'chain'))
        expect(store.restored()?.height).toBe(whole.tip.height)
        expect(await verifyChain({ store, verifier: createNodeVerifier() })).toMatchObject({
          damageCount: 0,
          tip: whole.tip.height,
        })
        await store.close()
      }
    }
    console.log(`${leftovers} of ${KILLS} kills left half a folder beside, ${restored} restores were whole`)
    expect(leftovers).toBeGreaterThan(0)
    await home.restore('b', `r${restored}`)
    expect(readdirSync(home.directory).filter((name) => name.endsWith('.restoring'))).toEqual([])
  }, 180_000)
})
