import { MAX_BACKUP_PATH_BYTES } from './format.ts'

/** The mark of a relay's folder, and its keys: a backup without them is none. */
export const NEEDED_FILES: readonly string[] = ['lares.json', 'keys.json']
/** The chain database. Its records stand in a backup by themselves. */
export const CHAIN_DIRECTORY = 'chain'

/**
 * What of a data folder is not in its backup. Everything else is: keys, configuration, certificates, addresses, the fleet,
 * and whatever a later Lares, or a person, puts there.
 */
const LEFT_OUT: readonly RegExp[] = [
  // The database, and what is put in its place by a repair.
  /^chain(?:\.(?:building|complete|before))?(?:\/|$)/,
  /^lock$/,
  /^admin\.sock$/,
  // Logs, rolled ones too.
  /^(?:relay|service)\.log(?:\.\d+)?$/,
  // Left by a kill in the middle of an atomic write.
  /\.[0-9a-f]{12}\.(?:tmp|stale)$/,
  // A new sealing key that waits for its first block: it may have sealed one since, and a relay restored from here would
  // seal another. Its owners give it yet another key.
  /^recovery\.json$/,
  // Tells the system of one PC where to find the program on it.
  /^[^/]*-task\.xml$/,
]
const MAX_DEPTH = 8
const MAX_NAME_BYTES = 255
/** Means something else than a name on some system: separators, streams, wildcards, control characters. */
const STRANGE = /[\\:*?"<>|\p{Cc}]/u

/** @param path relative to the data folder, with "/" between names */
export function isLeftOut(path: string): boolean {
  return LEFT_OUT.some((pattern) => pattern.test(path))
}

/** Whether a path stays in the data folder and names a file of a relay there, on every system. */
export function isGoodPath(path: string): boolean {
  const names = path.split('/')
  return (
    Buffer.byteLength(path) <= MAX_BACKUP_PATH_BYTES &&
    names.length <= MAX_DEPTH &&
    names.every(
      (name) =>
        name !== '' &&
        name !== '.' &&
        name !== '..' &&
        Buffer.byteLength(name) <= MAX_NAME_BYTES &&
        !STRANGE.test(name),
    ) &&
    !isLeftOut(path)
  )
}
