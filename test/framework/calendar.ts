const DAY_MS = 24 * 3_600_000

/** From now on this process's calendar runs ahead by so many days. Timers are left alone. */
export function shiftCalendar(days: number): void {
  const ahead = days * DAY_MS
  const RealDate = Date
  globalThis.Date = class extends RealDate {
    constructor(...parts: []) {
      if (parts.length === 0) super(RealDate.now() + ahead)
      else super(...parts)
    }
    static override now() {
      return RealDate.now() + ahead
    }
  } as DateConstructor
}
