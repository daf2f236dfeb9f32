import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { POWER, REACHABILITY, WHOLE } from '../shared/admission/hardware.ts'
import { type DeviceProfile, profileOf } from '../shared/admission/profile.ts'
import { hostOf, isSharedHost } from '../shared/transport/address.ts'
import type { HashTotals } from './mining/hasher.ts'

const MIB = 1024 ** 2
/** Linux lists batteries and mains adapters here; a machine that only has a plug lists none. */
const POWER_SUPPLIES = '/sys/class/power_supply'

export interface OwnProfileInit {
  readonly dataDir: string
  /** Since the relay started, ms. */
  readonly uptimeMs: number
  readonly totals: HashTotals
  /** Multiaddrs that it is open at. */
  readonly addresses: readonly string[]
}

/** What this machine is, by its own measure. What cannot be read is unknown. */
export function measureOwnProfile({ dataDir, uptimeMs, totals, addresses }: OwnProfileInit): DeviceProfile {
  return profileOf({
    lifetimeSeconds: uptimeMs / 1_000,
    // Of a process's own life: how long the machine was off, only others can tell.
    availability: WHOLE,
    computeScore: totals.busyMs === 0 ? 0 : (1_000 * totals.hashes) / totals.busyMs,
    cores: availableParallelism(),
    storageMiB: freeMiB(dataDir),
    memoryMiB: totalmem() / MIB,
    reachability: reachabilityOf(addresses),
    power: readPower(),
  })
}

function freeMiB(dataDir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dataDir)
    return (bavail * bsize) / MIB
  } catch {
    return 0
  }
}

/** By where it listens; whether a router lets strangers in, only they can tell. */
export function reachabilityOf(addresses: readonly string[]): DeviceProfile['reachability'] {
  const hosts = addresses.map(hostOf).filter((host) => host !== undefined)
  if (hosts.some((host) => !isSharedHost(host))) return REACHABILITY.everywhere
  return hosts.some((host) => !isLoopback(host)) ? REACHABILITY.localNetwork : REACHABILITY.nobody
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}

/** @param supplies folder of the system's power supplies */
export function readPower(
  supplies = POWER_SUPPLIES,
  platform: NodeJS.Platform = process.platform,
): DeviceProfile['power'] {
  if (platform !== 'linux') return POWER.unknown
  try {
    const isDraining = readdirSync(supplies).some(
      (name) => read(supplies, name, 'type') === 'Battery' && read(supplies, name, 'status') === 'Discharging',
    )
    return isDraining ? POWER.battery : POWER.mains
  } catch {
    return POWER.unknown
  }
}

function read(supplies: string, name: string, file: string): string {
  return readFileSync(join(supplies, name, file), 'utf8').trim()
}
