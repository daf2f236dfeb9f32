import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Left by a kill in the middle of an atomic write. */
const TEMPORARY_FILE = /\.[0-9a-f]{12}\.tmp$/

/** A database that is being made in place of another. It counts only once it is complete. */
export function buildingLocation(location: string): string {
  return `${location}.building`
}

/**
 * Puts a complete database in the place of another. Killed at any instant, {@link finishReplacement} ends it at the next
 * start: there is never a moment without a chain, which would be taken for a new relay.
 */
export function replaceDatabase(location: string): void {
  renameSync(buildingLocation(location), completeLocation(location))
  syncFolder(location)
  finishReplacement(location)
}

/** Ends a replacement that was cut off; throws away one that was not complete, and files that were not. Nobody may have the database open. */
export function finishReplacement(location: string): void {
  const complete = completeLocation(location)
  const before = `${location}.before`
  if (existsSync(complete)) {
    if (existsSync(location)) {
      rmSync(before, { recursive: true, force: true })
      renameSync(location, before)
    }
    renameSync(complete, location)
    syncFolder(location)
  }
  if (existsSync(location)) {
    if (existsSync(before)) rmSync(before, { recursive: true, force: true })
    const building = buildingLocation(location)
    if (existsSync(building)) rmSync(building, { recursive: true, force: true })
    for (const name of readdirSync(location))
      if (TEMPORARY_FILE.test(name)) rmSync(join(location, name), { force: true })
  }
}

function completeLocation(location: string): string {
  return `${location}.complete`
}

/** Windows cannot open a directory, and needs no sync of it. */
function syncFolder(location: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(dirname(location), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
