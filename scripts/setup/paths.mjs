import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository, whatever directory the command was started in. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Absolute path of something in the repository.
 * @param {...string} parts */
export function inRepo(...parts) {
  return path.join(ROOT, ...parts)
}

/** Machine-readable test reports of the last run; ignored by git. */
export const REPORTS = inRepo('.cache', 'reports')
