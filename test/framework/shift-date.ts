/** Preloaded (`--import`) into a process whose calendar runs ahead by LARES_TEST_DAYS_AHEAD days. Timers are left alone. */
const ahead = Number(process.env['LARES_TEST_DAYS_AHEAD'] ?? 0) * 86_400_000
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
