/** Preloaded (`--import`) into a process whose calendar runs ahead by LARES_TEST_DAYS_AHEAD days. */
import { shiftCalendar } from './calendar.ts'

shiftCalendar(Number(process.env['LARES_TEST_DAYS_AHEAD'] ?? 0))
