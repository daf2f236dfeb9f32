import { WHOLE } from './hardware.ts'

/** A break up to this long, ms, does not end a lifetime: a restart for an update is no new life. */
export const FORGIVEN_BREAK_MS = 5 * 60_000

/**
 * How long something has been connected, and for what share of that time. It counts only what it was told of: when nobody
 * looks for longer than a break may last, the device may have slept. Times are ms since the Unix epoch.
 */
export class Lifetime {
  #isConnected = false
  #bornAt: number | undefined
  #connectedMs = 0
  #brokenMs = 0
  #lookedAt = 0

  /** @param isConnected whether it is so from now on */
  note(isConnected: boolean, now: number): void {
    this.#advance(now)
    this.#isConnected = isConnected
    if (isConnected) this.#bornAt ??= now
  }

  /** As the profile has it: whole seconds, and thousandths. */
  at(now: number): { readonly lifetimeSeconds: number; readonly availability: number } {
    this.#advance(now)
    if (this.#bornAt === undefined) return { lifetimeSeconds: 0, availability: 0 }
    const lived = now - this.#bornAt
    const availability = lived === 0 ? WHOLE : Math.floor((WHOLE * this.#connectedMs) / lived)
    return { lifetimeSeconds: Math.floor(lived / 1000), availability }
  }

  #advance(now: number): void {
    const passed = now - this.#lookedAt
    this.#lookedAt = now
    if (this.#bornAt === undefined) return
    const isSeen = this.#isConnected && passed >= 0 && passed <= FORGIVEN_BREAK_MS
    if (isSeen) {
      this.#connectedMs += passed
      this.#brokenMs = 0
      return
    }
    this.#brokenMs += passed
    // A clock that was set back ends it, too.
    if (passed >= 0 && this.#brokenMs <= FORGIVEN_BREAK_MS) return
    this.#bornAt = this.#isConnected ? now : undefined
    this.#connectedMs = 0
    this.#brokenMs = 0
  }
}
