import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { readBounded } from './read-bounded.ts'
import { MAX_REVOCATION_LENGTH, readRevocation } from './revocation.ts'
import type { RevocationList } from './revocation-list.ts'

/** One for each authority; more are refused, since the one left out may be the one that revokes. */
const MAX_REVOCATION_FILES = 64

/**
 * The revocation data of a folder: CRLs and Matter revocation sets. A set bears no date, so its file's time says when it was
 * fetched. Read again when a name, a size or a time has changed, so that a job that fetches them needs no restart.
 */
export function createRevocationFiles(
  directory: string | undefined,
  log: (message: string) => void,
): () => Result<readonly RevocationList[], 'revocation-malformed'> {
  // Who asks from outside need not know how the files here are called.
  const unreadable = (why: string) => {
    log(`revocation data: ${why}`)
    return reject('revocation-malformed' as const, 'the revocation data of this node cannot be read')
  }
  let known: { readonly state: string; readonly lists: readonly RevocationList[] } | undefined
  return () => {
    if (directory === undefined) return accept([])
    try {
      const files = readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .sort()
        .map((name) => ({ name, path: join(directory, name), ...timeAndSize(join(directory, name)) }))
      if (files.length > MAX_REVOCATION_FILES)
        return unreadable(`more than ${MAX_REVOCATION_FILES} files in ${directory}`)
      const state = JSON.stringify(files)
      if (known?.state === state) return accept(known.lists)
      const lists: RevocationList[] = []
      for (const { path, time } of files) {
        const read = readRevocation(readBounded(path, MAX_REVOCATION_LENGTH), time)
        if (!read.ok) return unreadable(`${path}: ${read.detail}`)
        lists.push(...read.value)
      }
      known = { state, lists }
      return accept(lists)
    } catch (error) {
      return unreadable((error as Error).message)
    }
  }
}

function timeAndSize(path: string): { readonly time: number; readonly size: number } {
  const { mtimeMs, size } = statSync(path)
  return { time: mtimeMs, size }
}
