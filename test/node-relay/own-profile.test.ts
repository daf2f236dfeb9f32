import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { measureOwnProfile, reachabilityOf, readPower } from '../../node-relay/own-profile.ts'
import { POWER, REACHABILITY, WHOLE } from '../../shared/admission/hardware.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lares-power-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function supply(name: string, type: string, status: string): Promise<void> {
  await mkdir(join(dir, name))
  await writeFile(join(dir, name, 'type'), `${type}\n`)
  await writeFile(join(dir, name, 'status'), `${status}\n`)
}

describe('what a relay is by its own measure', () => {
  it('is measured, in the units of the profile', () => {
    const profile = measureOwnProfile({
      dataDir: dir,
      uptimeMs: 90_500,
      totals: { hashes: 5_000, busyMs: 20 },
      addresses: ['/ip4/127.0.0.1/tcp/4001/p2p/A', '/ip4/192.168.1.9/tcp/4001/p2p/A'],
    })
    expect(profile).toMatchObject({
      lifetimeSeconds: 90,
      availability: WHOLE,
      computeScore: 250_000,
      reachability: REACHABILITY.localNetwork,
    })
    expect(profile.cores).toBeGreaterThan(0)
    expect(profile.storageMiB).toBeGreaterThan(0)
    expect(profile.memoryMiB).toBeGreaterThan(0)
  })

  it('is unknown where nothing was measured yet, or cannot be read', () => {
    const profile = measureOwnProfile({
      dataDir: join(dir, 'not-there'),
      uptimeMs: 0,
      totals: { hashes: 0, busyMs: 0 },
      addresses: [],
    })
    expect(profile).toMatchObject({ computeScore: 0, storageMiB: 0, reachability: REACHABILITY.nobody })
  })

  it('knows from where it is reached', () => {
    expect(reachabilityOf(['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'])).toBe(REACHABILITY.nobody)
    expect(reachabilityOf(['/ip4/10.0.0.1/tcp/1'])).toBe(REACHABILITY.localNetwork)
    expect(reachabilityOf(['/ip4/10.0.0.1/tcp/1', '/ip4/203.0.113.7/tcp/1'])).toBe(REACHABILITY.everywhere)
  })

  it('knows what feeds it', async () => {
    expect(readPower(dir, 'linux')).toBe(POWER.mains)
    await supply('AC', 'Mains', '')
    await supply('BAT0', 'Battery', 'Charging')
    expect(readPower(dir, 'linux')).toBe(POWER.mains)
    await supply('BAT1', 'Battery', 'Discharging')
    expect(readPower(dir, 'linux')).toBe(POWER.battery)
    expect(readPower(dir, 'darwin')).toBe(POWER.unknown)
    expect(readPower(join(dir, 'not-there'), 'linux')).toBe(POWER.unknown)
  })
})
