import { CONNECTION } from '../../shared/admission/hardware.ts'
import { benchmarkHashes } from '../client/own-profile.ts'
import type { Hardware } from '../client/ports.ts'

const MIB = 1024 ** 2
const MIB_OF_GIB = 1024

/** Not every browser has these. */
interface NavigatorParts {
  readonly hardwareConcurrency?: number
  /** GiB, rounded by the browser. */
  readonly deviceMemory?: number
  readonly connection?: { readonly type?: string; readonly saveData?: boolean }
  readonly storage?: Partial<StorageManager>
}

let score: number | undefined

/** What this browser says of its machine; what it does not say is 0. */
export async function readHardware(): Promise<Hardware> {
  const { hardwareConcurrency, deviceMemory, connection, storage } = navigator as NavigatorParts
  const estimate = await storage?.estimate?.().catch(() => undefined)
  score ??= benchmarkHashes(() => performance.now())
  return {
    computeScore: score,
    cores: hardwareConcurrency ?? 0,
    memoryMiB: (deviceMemory ?? 0) * MIB_OF_GIB,
    storageMiB: ((estimate?.quota ?? 0) - (estimate?.usage ?? 0)) / MIB,
    connection: lineOf(connection),
  }
}

function lineOf(connection: NavigatorParts['connection']): Hardware['connection'] {
  if (connection?.type === 'cellular' || connection?.saveData === true) return CONNECTION.metered
  return connection?.type === 'wifi' || connection?.type === 'ethernet' ? CONNECTION.unmetered : CONNECTION.unknown
}
