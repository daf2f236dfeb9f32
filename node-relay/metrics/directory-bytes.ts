import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A measured size is good for so long, ms: whoever asks often must not make the disk busy. */
const FRESH_MS = 10_000

/** Measures the files of a directory, at most every ten seconds. Files that vanish meanwhile count nothing. */
export function createDirectoryMeasure(directory: string, now: () => number = Date.now): () => Promise<number> {
  let measured: { readonly at: number; readonly bytes: Promise<number> } | undefined
  return () => {
    if (measured === undefined || now() - measured.at >= FRESH_MS || now() < measured.at)
      measured = { at: now(), bytes: sumOf(directory) }
    return measured.bytes
  }
}

async function sumOf(directory: string): Promise<number> {
  let bytes = 0
  // One after another: a long chain has thousands of files, and nobody waits for this. What is
  // deleted meanwhile has no bytes.
  for (const name of await readdir(directory).catch(() => []))
    bytes += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0
  return bytes
}
