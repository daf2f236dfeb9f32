/** Numbers, times and sizes as a person reads them. Plain English, no locale: screenshots and tests see the same text. */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `12345` → `12,345` */
export function formatCount(value: number | bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `1` → `1 block`, `2` → `2 blocks` */
export function countOf(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Milliseconds → `0.8 s`, `45 s`, `12 min`, `8 h 5 min`, `3 days`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return formatDuration(0)
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1).replace(/\.0$/, '')} s`
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < 2 * DAY) {
    const minutes = Math.floor((ms % HOUR) / MINUTE)
    return `${Math.floor(ms / HOUR)} h${minutes === 0 ? '' : ` ${minutes} min`}`
  }
  return `${Math.floor(ms / DAY)} days`
}

/** How long ago a time was; a clock that is a little ahead makes it "now", not "in 2 s". */
export function formatAge(time: number, now: number): string {
  const ms = now - time
  if (ms < -5 * MINUTE) return `${formatDuration(-ms)} ahead of this device's clock`
  if (ms < 2 * SECOND) return 'just now'
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`
  return `${formatDuration(ms)} ago`
}

/** Milliseconds since the Unix epoch → `2026-03-04 17:05` in the device's own time zone. */
export function formatTime(time: number): string {
  const date = new Date(time)
  const two = (value: number) => value.toString().padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

const SCALES: readonly (readonly [bigint, string])[] = [
  [10n ** 15n, 'quadrillion'],
  [10n ** 12n, 'trillion'],
  [10n ** 9n, 'billion'],
  [10n ** 6n, 'million'],
]

/** Summed work in hashes, decimal text → `about 4.3 billion hashes`, above 10^18 as a power of two. */
export function formatWork(work: string): string {
  if (!/^\d+$/.test(work)) return 'not known yet'
  const hashes = BigInt(work)
  if (hashes >= 10n ** 18n) return `about 2^${hashes.toString(2).length - 1} hashes`
  for (const [unit, name] of SCALES) {
    if (hashes < unit) continue
    const tenths = (hashes * 10n) / unit
    return `about ${formatCount(tenths / 10n)}.${tenths % 10n} ${name} hashes`
  }
  return hashes === 1n ? '1 hash' : `${formatCount(hashes)} hashes`
}

/** A long ID or hash in groups of five, so that two people can compare it aloud. */
export function inGroups(text: string, size = 5): string[] {
  return text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
}

/** `abcdefgh…stuvwxyz` */
export function shorten(text: string, keep = 8): string {
  return text.length <= 2 * keep + 1 ? text : `${text.slice(0, keep)}…${text.slice(-keep)}`
}
