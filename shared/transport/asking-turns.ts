import { LaresError } from '../errors.ts'
import { type CancelSignal, MAX_ASKED_AT_ONCE, MAX_WAITING_TO_ASK } from '../protocol/transport.ts'

export interface AskingTurns {
  /**
   * Waits until there are fewer requests under way than the other side takes at once. First come, first served.
   * @returns the function that makes room for the next
   * @throws {LaresError} `refused`: too many wait already; the signal's reason when it is given up
   */
  enter(over: object, signal: CancelSignal): Promise<() => void>
}

interface Line {
  underway: number
  readonly waiting: Set<() => void>
}

/** So that who asks for much at once is never taken for one who floods. By connection, which a line goes with. */
export function createAskingTurns(): AskingTurns {
  const lines = new WeakMap<object, Line>()

  function leave(line: Line): void {
    const [next] = line.waiting
    // Who waits takes over the place.
    if (next === undefined) line.underway--
    else next()
  }

  return {
    async enter(over, signal) {
      const line = lines.get(over) ?? { underway: 0, waiting: new Set() }
      lines.set(over, line)
      if (line.underway >= MAX_ASKED_AT_ONCE) await wait(line, signal)
      else line.underway++
      return () => leave(line)
    },
  }
}

function wait({ waiting }: Line, signal: CancelSignal): Promise<void> {
  if (waiting.size >= MAX_WAITING_TO_ASK)
    throw new LaresError('refused', 'too many requests wait for this peer already')
  return new Promise((resolve, reject) => {
    const end = () => {
      waiting.delete(begin)
      signal.removeEventListener('abort', giveUp)
    }
    const begin = () => {
      end()
      resolve()
    }
    const giveUp = () => {
      end()
      reject(signal.reason)
    }
    waiting.add(begin)
    signal.addEventListener('abort', giveUp)
  })
}
