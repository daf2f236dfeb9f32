/**
 * Shows what a relay does when its disk is full or cannot be written: it stops mining and says so (status, incident,
 * terminal), goes on serving what it has, and goes on by itself when there is room again; at its start it says what is
 * wrong in a sentence. It never prints a stack trace, and its database stays whole.
 * How: a real relay whose data folder is a small tmpfs, filled up by the test. Needs root.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { AdminStatus } from '../../node-relay/http/admin-socket.ts'
import { lares, type RelayProcess, startRelayProcess } from '../framework/relay-process.ts'
import { createSmallDisk, type SmallDisk, smallDiskObstacle } from '../framework/small-disk.ts'

const obstacle = smallDiskObstacle()
if (obstacle !== undefined) console.log(`left out: ${obstacle}`)
const DISK_MEGABYTES = 48
const PATIENCE_MS = 60_000
/** A line of a stack trace. */
const STACK = /^\s+at .+[:(]\d+/m

let disk: SmallDisk | undefined
let relay: RelayProcess | undefined
afterEach(async () => {
  await relay?.stop()
  relay = undefined
  disk?.remove()
  disk = undefined
})

async function statusOf({ dataDir }: RelayProcess): Promise<AdminStatus> {
  const { code, stdout, stderr } = await lares(dataDir, 'status', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as AdminStatus
}
async function until(what: string, is: (status: AdminStatus) => boolean): Promise<AdminStatus> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const status = await statusOf(relay as RelayProcess)
    if (is(status)) return status
    if (Date.now() > end) throw new Error(`never happened: ${what}; ${status.mining.sentence}`)
  }
}

const said = ({ incidents }: AdminStatus, wanted: string) => incidents.find(({ code }) => code === wanted)?.sentence

describe.skipIf(obstacle !== undefined)('a relay on a small disk', () => {
  it('stops mining while it is full, serves on, and goes on by itself', { timeout: 240_000 }, async () => {
    disk = createSmallDisk(DISK_MEGABYTES)
    const dataDir = join(disk.path, 'relay')
    const flags = ['--mine-share', '0.4']
    relay = await startRelayProcess({ dataDir, flags })
    await until('three blocks', ({ tip }) => tip.height >= 3)

    disk.fill()
    const full = await until(
      'mining stops',
      (status) => status.mining.state === 'stopped' && said(status, 'disk-full') !== undefined,
    )
    // Whether it is seen before a block is found or after, it says what to do.
    expect(full.mining.sentence).toMatch(
      /^(A block was found but could not be stored, and is tried again: )?The disk with the data folder is full: .* Make room on it\./,
    )
    expect(relay.output()).toContain(said(full, 'disk-full'))
    const answer = await fetch(`${relay.localUrl}api/v1/blocks?from=1&limit=3`)
    expect(((await answer.json()) as { blocks: unknown[] }).blocks).toHaveLength(3)
    expect((await statusOf(relay)).tip).toEqual(full.tip)

    disk.empty()
    const again = await until(
      'mining goes on',
      (status) => status.tip.height >= full.tip.height + 2 && said(status, 'obstacle-gone') !== undefined,
    )
    expect(again.mining.state).toBe('mining')

    // Killed while it is full, started while it is full.
    disk.fill()
    await until('mining stops again', ({ mining }) => mining.state === 'stopped')
    expect(relay.output()).not.toMatch(STACK)
    await relay.kill()
    relay = undefined
    const failed = await startRelayProcess({ dataDir, flags }).then(
      (started) => {
        relay = started
        return started.output()
      },
      (error: Error) => error.message,
    )
    expect(failed).toMatch(/the disk is full|disk with the data folder is full/)
    expect(failed.replace(/^Error.*|\s+at .*test\/framework.*$/gm, '')).not.toMatch(STACK)
    await (relay as RelayProcess | undefined)?.kill()
    relay = undefined

    disk.empty()
    expect(await lares(dataDir, 'db', 'verify')).toMatchObject({ code: 0, stdout: expect.stringMatching(/whole/) })
    relay = await startRelayProcess({ dataDir, flags })
    await until('mining goes on after a start', ({ tip }) => tip.height >= again.tip.height + 2)
  })

  it('says in a sentence that it cannot be written, and goes on when it can', { timeout: 240_000 }, async () => {
    disk = createSmallDisk(DISK_MEGABYTES)
    const dataDir = join(disk.path, 'relay')
    relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0.4'] })
    const before = await until('a block', ({ tip }) => tip.height >= 1)
    await relay.stop()
    relay = undefined
    disk.setReadOnly(true)
    for (const command of [
      ['start', '--network', 'test'],
      ['db', 'verify'],
    ]) {
      const { code, stderr } = await lares(dataDir, ...command)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^The data folder .* cannot be written \(.*EROFS\); make it writable, or choose another/)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    }
    disk.setReadOnly(false)
    relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0.4'] })
    await until('mining goes on', ({ tip }) => tip.height > before.tip.height)
  })
})
