/**
 * What relay and phone say of a recovery.
 *
 * @param backupTime ms
 * @param firstLost height of the first block that may be lost
 * @param lastLost of the last one that anybody knew; below firstLost: none
 */
export function restoredSentence(backupTime: number, firstLost: number, lastLost: number): string {
  const date = `${new Date(backupTime).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const count = lastLost - firstLost + 1
  const lost =
    count <= 0
      ? 'no block is known to be lost'
      : count === 1
        ? `1 block is lost (block ${firstLost}), and what was registered in it must be registered again`
        : `${count} blocks are lost (${firstLost} to ${lastLost}), and what was registered in them must be registered again`
  return `The relay was restored from ${date}: ${lost}.`
}
