/**
 * Stands in for `@libp2p/logger` in the built page: libp2p's debug lines are for its makers, who run it from its sources, and
 * what writes them is three kilobytes of a phone's first visit. What matters to a person is told by our own `log`.
 */
interface QuietLogger {
  (): void
  readonly enabled: false
  error(): void
  trace(): void
  newScope(): QuietLogger
}

const quiet: QuietLogger = Object.assign(() => {}, {
  enabled: false as const,
  error: () => {},
  trace: Object.assign(() => {}, { enabled: false }),
  newScope: () => quiet,
})

/** As libp2p asks for it. */
export function defaultLogger(): { forComponent(): QuietLogger } {
  return { forComponent: () => quiet }
}
