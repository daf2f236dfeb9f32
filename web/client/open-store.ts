import { LaresError } from '../../shared/errors.ts'
import { type CarefulStore, createCarefulStore } from '../store/careful-store.ts'
import type { LocalStore } from '../store/local-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { Failure } from '../worker/api.ts'
import type { Remembered } from './keepsake.ts'
import { NEWER_STORAGE, NO_STORAGE, STORAGE_BLOCKED, STORAGE_INCIDENTS, STORAGE_UNUSABLE } from './sentences.ts'

export interface OpenedStore {
  readonly store: CarefulStore
  /** It is in memory only, since the database does not open. */
  readonly problem: Failure | undefined
}

/** What nothing but a person can help against. */
const OBSTACLES: Readonly<Record<string, Failure>> = {
  'no-storage': NO_STORAGE,
  'newer-storage': NEWER_STORAGE,
  'storage-blocked': STORAGE_BLOCKED,
}

/** Opens the database; one that is there and does not open is left alone, and the page works from memory. */
export async function openStore(open: () => Promise<LocalStore>): Promise<OpenedStore | Failure> {
  try {
    return { store: await createCarefulStore(await open()), problem: undefined }
  } catch (error) {
    if (!(error instanceof LaresError)) throw error
    const obstacle = OBSTACLES[error.code]
    if (obstacle !== undefined) return obstacle
    return { store: await createCarefulStore(createMemoryStore()), problem: STORAGE_UNUSABLE }
  }
}

/**
 * Networks that the page remembers and the database does not have are taken up again from their join links, in memory where
 * there is no room: the note is written anew from what is open, and must not lose them.
 */
export async function takeUpAgain(
  { store, problem }: OpenedStore,
  remembered: readonly Remembered[],
  now: number,
): Promise<void> {
  const known = new Set((await store.networks()).map(({ networkId }) => networkId))
  for (const { record } of remembered) {
    if (known.has(record.networkId)) continue
    await store.putNetwork(record).catch(held(() => store.hold(record)))
    if (problem !== undefined) continue
    const incidents = [{ at: now, ...STORAGE_INCIDENTS.lost }]
    await store.writeIncidents(record.networkId, incidents).catch(held(() => undefined))
  }
}

function held(instead: () => void): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof LaresError)) throw error
    instead()
  }
}
