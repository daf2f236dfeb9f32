/** The part of libp2p's `Logger` that its components use, as a structural type: `shared` imports no libp2p. */
interface LibraryLogger {
  (...message: unknown[]): void
  error(...message: unknown[]): void
  trace(...message: unknown[]): void
  enabled: boolean
  newScope(name: string): LibraryLogger
}

const QUIET: LibraryLogger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => QUIET,
})

/**
 * For libp2p, which makes a logger for every connection and every stream: its own looks for colours and sets up scopes each
 * time, though nobody reads them, which is a twentieth of the time that a stream takes.
 */
export const quietLogger = { forComponent: () => QUIET }
