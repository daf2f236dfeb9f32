import { createHash } from 'node:crypto'

const STAMP = /Written by "lares service install", checksum ([0-9a-f]{64})\./

/** `ours`: as it was written. `changed`: ours, changed by hand since. `foreign`: somebody else's. */
export type FileOrigin = 'ours' | 'changed' | 'foreign'

/**
 * Puts a line into a generated file that tells whether it is still what was written: what a person has changed is
 * neither overwritten nor removed behind his back.
 * @param build makes the whole text around that line
 */
export function stamped(build: (line: string) => string): string {
  const checksum = createHash('sha256').update(build('')).digest('hex')
  return build(`Written by "lares service install", checksum ${checksum}.`)
}

export function originOf(text: string): FileOrigin {
  const match = STAMP.exec(text)
  if (match === null) return 'foreign'
  const rest = text.slice(0, match.index) + text.slice(match.index + match[0].length)
  return createHash('sha256').update(rest).digest('hex') === match[1] ? 'ours' : 'changed'
}
