/**
 * Relays that lie, for real browsers: built chains with real work and real seals, served by the relay's own network host in
 * a process of its own. Each door is a relay with an identity and one lie of its own; all stand on the same chain, which
 * grows by a block a second.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { formatJoinLink } from '../../shared/protocol/join-link.ts'

const CHILD = fileURLToPath(new URL('./lying-relay-child.ts', import.meta.url))
const PATIENCE_MS = 60_000

/** What is altered: one byte of it, on its way to the browser. */
export type LiePlace =
  /** Of the old headers, as answered. */
  | 'header'
  | 'seal'
  /** The change that admitted the second keeper. */
  | 'roster-change'
  | 'checkpoint'
  /** The way to the record, and the record: of a registered device, or of the ID asked for. */
  | 'state-proof'
  | 'record'
  /** Of each new header. */
  | 'gossip'

export interface RelayLie {
  readonly place: LiePlace
  /** Which byte: 0 ≤ fraction < 1 of the place's length. */
  readonly fraction: number
  /** Bits that are flipped. */
  readonly mask: number
}

export interface LyingRelayInit {
  /** `home`: two keepers, the second one admitted by a roster change. `three`: three founders. */
  readonly scene: 'home' | 'three'
}

export interface Facts {
  readonly networkId: string
  /** An old block whose roster is the final one. */
  readonly checkpoint: { readonly height: number; readonly hash: string }
  /** Text of IDs: in the ledger, retired, never given. */
  readonly registered: string
  readonly retired: string
  readonly madeUp: string
}

export interface Attack {
  readonly forkHeight: number
  /** Hashes of all its headers, oldest first, hex. */
  readonly hashes: readonly string[]
  /** Work above the fork, decimal: the branch's, and that of the chain it leaves. */
  readonly work: string
  readonly workLeft: string
}

export interface ChainState {
  readonly tip: { readonly height: number; readonly hash: string }
  readonly settled: { readonly height: number; readonly hash: string }
  /** Hashes by height of the honest chain, hex. */
  readonly hashes: readonly string[]
  /** Times that headers of the attack were given in answer to a request. */
  readonly attackAnswers: number
}

/** Test → process: each is answered once, by `id`. */
export type ToLyingRelay =
  | { readonly kind: 'open'; readonly lie: RelayLie | undefined }
  | { readonly kind: 'state' }
  /** Builds the branch of one keeper that forks below settled. */
  | { readonly kind: 'build-attack'; readonly times: number }
  /** All doors: new blocks end; the branch is the best chain, or is gossiped header by header. */
  | { readonly kind: 'offer'; readonly way: 'gossip' | 'answers' }
  /** Back to the honest chain, which grows again. */
  | { readonly kind: 'withdraw' }

export interface Door {
  readonly address: string
  readonly peerId: string
}

export interface FromLyingRelay {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

export interface LyingRelay {
  readonly facts: Facts
  open(lie?: RelayLie): Promise<Door>
  state(): Promise<ChainState>
  /** @param times how much more work than the part of the honest chain that it would undo */
  buildAttack(times: number): Promise<Attack>
  offer(way: 'gossip' | 'answers'): Promise<void>
  withdraw(): Promise<void>
  /** Fragment with a join link, from genesis unless a checkpoint is given. */
  join(doors: readonly Door[], checkpoint?: { readonly height: number; readonly hash: string }): string
  stop(): Promise<void>
}

export async function startLyingRelay(init: LyingRelayInit): Promise<LyingRelay> {
  const child = fork(CHILD, [JSON.stringify(init)], { execArgv: [] })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let nextId = 1
  child.on('message', ({ id, value, error }: FromLyingRelay) => {
    const one = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) one?.resolve(value)
    else one?.reject(new Error(error))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the process ended with ${code}`))
    waiting.clear()
  })

  function answerTo(id: number, what: string): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const answer = new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      timer = setTimeout(() => reject(new Error(`never answered: ${what}`)), PATIENCE_MS)
    })
    return answer.finally(() => clearTimeout(timer))
  }
  function ask(message: ToLyingRelay): Promise<unknown> {
    const id = nextId++
    const answer = answerTo(id, message.kind)
    child.send({ id, ...message })
    return answer
  }

  const facts = (await answerTo(0, 'ready')) as Facts
  return {
    facts,
    open: async (lie) => (await ask({ kind: 'open', lie })) as Door,
    state: async () => (await ask({ kind: 'state' })) as ChainState,
    buildAttack: async (times) => (await ask({ kind: 'build-attack', times })) as Attack,
    offer: async (way) => void (await ask({ kind: 'offer', way })),
    withdraw: async () => void (await ask({ kind: 'withdraw' })),
    join(doors, checkpoint = { height: 0, hash: facts.networkId }) {
      const link = formatJoinLink({
        version: 1,
        networkId: Buffer.from(facts.networkId, 'hex'),
        checkpoint: { height: checkpoint.height, hash: Buffer.from(checkpoint.hash, 'hex') },
        addresses: doors.map(({ address }) => address),
        name: 'lying',
      })
      return `#join=${link}`
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
