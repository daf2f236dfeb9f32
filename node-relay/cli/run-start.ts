import { readRelayConfig } from '../config.ts'
import { openDataDir } from '../data-dir.ts'
import { type CliContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts'
import type { RelayFactory } from './start.ts'

/**
 * Runs a relay, or a coordination node alone, until the signal ends it. A board does without what only a relay needs: that is
 * not even loaded.
 * @throws {LaresError} with a sentence for a person
 */
export async function runStart(
  args: readonly string[],
  context: CliContext,
  createRelay?: RelayFactory,
): Promise<number> {
  const config = readRelayConfig(args, context)
  if (!config.ok) {
    context.printError(config.detail)
    return EXIT_USAGE
  }
  const dataDir = openDataDir(config.value.dataDir)
  if (!dataDir.ok) {
    context.printError(dataDir.detail)
    return EXIT_FAILED
  }
  const closing: (() => unknown)[] = [dataDir.value.close]
  const onStop = (close: () => unknown) => closing.push(close)
  try {
    if (config.value.roles.includes('full')) {
      const { openRelay } = await import('./start.ts')
      await openRelay(config.value, dataDir.value, context, onStop, createRelay)
    } else {
      const { openCoordination } = await import('./start-coordination.ts')
      await openCoordination(config.value, dataDir.value, context, onStop)
    }
    await ended(context.signal)
    if (!config.value.quiet) context.print('Stopping.')
    return EXIT_OK
  } finally {
    // The last opened first; what fails to close must not keep the rest open.
    for (const close of closing.reverse()) {
      try {
        await close()
      } catch (error) {
        context.printError((error as Error).message)
      }
    }
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
