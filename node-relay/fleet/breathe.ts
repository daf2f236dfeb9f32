import { setImmediate } from 'node:timers/promises'

/** Items of long work between two breaths: a few milliseconds. */
export const BREATH_EVERY = 200

/** Lets the relay mine and answer in the middle of long work. */
export async function breathe(): Promise<void> {
  await setImmediate()
}
