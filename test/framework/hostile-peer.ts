/** A hostile process that speaks libp2p: who is dropped comes back with a new key, as long as the attack is to go on. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./hostile-peer-child.ts', import.meta.url))

export interface HostileInit {
  /** TCP address of the relay that is attacked. */
  readonly address: string
  /** The moment of the scene, see `buildScene`. */
  readonly now: number
  /** It comes with a branch from below settled of this much work: made before the relay of the scene is started. */
  readonly heavyWork?: number
}

export type Attack = (
  | /** Valid requests of a protocol, or gossip that is of no use, as fast as they go. */
  { readonly kind: 'flood'; readonly what: string }
  /** Announcements that look like blocks. */
  | { readonly kind: 'junk'; readonly what: JunkKind }
  /** Half requests, on each protocol. */
  | { readonly kind: 'half-requests' }
  /** Connections on which nothing is ever said: of how many peers, from how many addresses, each peer so many times. */
  | { readonly kind: 'idle'; readonly peers: number; readonly hosts?: number; readonly each?: number }
  /** A chain that outweighs the relay's by far. */
  | { readonly kind: 'serve'; readonly what: ServedChain }
) & {
  /** It goes on for this long, by as many peers as it takes, ms. */
  readonly forMs: number
  /** Each peer is left to the relay this long, ms; idle ones stay all that time. */
  readonly patienceMs: number
}

export type JunkKind = 'seal' | 'seat' | 'transaction-root' | 'work' | 'never-comes'
/** By a stranger's own keys; by a keeper over a state that is none; by a keeper, without a fault, from below settled. */
export type ServedChain = 'forged-seals' | 'forged-state' | 'below-settled'

export interface AttackResult {
  readonly peerIds: readonly string[]
  /** Requests, messages or connections that went out; headers given, of a chain. */
  readonly sent: number
  /** Peers that were dropped, and how long that took with the first, ms. */
  readonly dropped: number
  readonly droppedAfterMs: number | undefined
  /** Work of the chain that was served, times the relay's. */
  readonly times?: number
  /** Of the first that was dropped: whether it could come back with the same key. */
  readonly cameBack: boolean
}

export interface HostilePeer {
  /** @param onStart it is ready, and begins now */
  attack(attack: Attack, onStart?: () => void): Promise<AttackResult>
  stop(): Promise<void>
}

export async function startHostilePeer(init: HostileInit): Promise<HostilePeer> {
  const child = fork(CHILD, [JSON.stringify(init)], { execArgv: [] })
  await message(child)
  return {
    async attack(attack, onStart) {
      const begun = message(child)
      child.send(attack)
      await begun
      onStart?.()
      return (await message(child)) as AttackResult
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the hostile process ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', ({ value, error }: { value?: unknown; error?: string }) => {
      child.off('exit', onExit)
      if (error === undefined) resolve(value)
      else reject(new Error(error))
    })
  })
}
