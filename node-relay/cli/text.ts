/** `2026-05-01 12:00:00 UTC` */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** `3 min`, `2 days`: the largest unit that fits. */
export function formatDuration(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ] as const
  const [size, name] = units.find(([length]) => Math.abs(ms) >= length) ?? units[3]
  const count = Math.floor(Math.abs(ms) / size)
  return countOf(count, name)
}

/** `1 block`, `2 blocks` */
export function countOf(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

/** Columns padded to the widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** One JSON document, for machines. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}
