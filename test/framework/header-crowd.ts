/** Many browser-like peers from one address on one real relay that mines: who hears which header by gossip. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fromHex } from '../../shared/bytes.ts'
import { topicsOf } from '../../shared/protocol/ids.ts'
import type { TransportKind } from '../../shared/protocol/transport.ts'
import { addressOf, eventually } from './network.ts'
import { removeDataDir, startRelayProcess } from './relay-process.ts'

const CHILD = fileURLToPath(new URL('./header-crowd-child.ts', import.meta.url))
/** Until the last headers have arrived, at most. */
const LAST_ARRIVALS_MS = 10_000

export interface CrowdChildInit {
  readonly hosts: number
  readonly address: string
  readonly topic: string
}

export type FromCrowdChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'header'; readonly host: number; readonly hash: string }
  | { readonly kind: 'lost'; readonly host: number }

export interface HeaderCrowdOptions {
  readonly peers: number
  readonly processes: number
  readonly transport: TransportKind
  readonly seconds: number
  onProgress?(seconds: number, heard: number): void
}

export interface HeaderCrowdResult {
  /** Headers of the best chain that were mined in the window. */
  readonly headers: number
  /** `peer: heights it never heard of`, empty when all is well. */
  readonly missing: readonly string[]
  readonly duplicates: number
  /** Connections that broke on the way. */
  readonly lost: number
  /** Between the first peer that heard a header and the last, the worst of all headers, ms. */
  readonly widestSpreadMs: number
  readonly elapsedMs: number
}

interface BlockRow {
  readonly height: number
  readonly hash: string
}

/** The window begins once every peer has heard a header: what was said before a peer subscribed is not repeated. */
export async function runHeaderCrowd(options: HeaderCrowdOptions): Promise<HeaderCrowdResult> {
  const { peers, processes, transport, seconds } = options
  const relay = await startRelayProcess()
  const children: ChildProcess[] = []
  /** Peer → header hash → when it was heard. */
  const heard = new Map<string, Map<string, number>>()
  let duplicates = 0
  let lost = 0

  async function ask<Answer>(path: string): Promise<Answer> {
    const response = await fetch(`${relay.localUrl}api/v1/${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Answer
  }
  const tipHeight = async () => (await ask<{ tip: { height: number } }>('status')).tip.height

  function listen(child: ChildProcess, group: number): Promise<void> {
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`a process of peers ended with ${code}`)))
      child.on('message', (message: FromCrowdChild) => {
        if (message.kind === 'ready') resolve()
        else if (message.kind === 'lost') lost++
        else {
          const hashes = heard.get(`${group}/${message.host}`) as Map<string, number>
          if (hashes.has(message.hash)) duplicates++
          else hashes.set(message.hash, Date.now())
        }
      })
    })
  }

  try {
    const { networkId, addresses } = await ask<{ networkId: string; addresses: string[] }>('join')
    const topic = topicsOf(fromHex(networkId)).headers
    const address = addressOf(addresses, transport)
    const ready: Promise<void>[] = []
    for (let group = 0; group < processes; group++) {
      const hosts = Math.floor(peers / processes) + (group < peers % processes ? 1 : 0)
      for (let host = 0; host < hosts; host++) heard.set(`${group}/${host}`, new Map())
      const init: CrowdChildInit = { hosts, address, topic }
      const child = fork(CHILD, [JSON.stringify(init)], { execArgv: [] })
      children.push(child)
      ready.push(listen(child, group))
    }
    await Promise.all(ready)
    await eventually('every peer hears a header', () => [...heard.values()].every(({ size }) => size > 0) || undefined)
    duplicates = 0

    const from = (await tipHeight()) + 1
    const started = Date.now()
    for (let second = 1; second <= seconds; second++) {
      await new Promise((resolve) => setTimeout(resolve, started + second * 1_000 - Date.now()))
      options.onProgress?.(
        second,
        [...heard.values()].reduce((sum, { size }) => sum + size, 0),
      )
    }
    const to = await tipHeight()
    const elapsedMs = Date.now() - started
    const rows = await blocksOf(ask, from, to)

    const missing = () =>
      [...heard].flatMap(([peer, hashes]) => {
        const heights = rows.filter(({ hash }) => !hashes.has(hash)).map(({ height }) => height)
        return heights.length === 0 ? [] : [`${peer}: ${heights.join(', ')}`]
      })
    const end = Date.now() + LAST_ARRIVALS_MS
    while (missing().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100))
    const spreads = rows.map(({ hash }) => {
      const times = [...heard.values()].flatMap((hashes) => hashes.get(hash) ?? [])
      return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times)
    })
    return {
      headers: rows.length,
      missing: missing(),
      duplicates,
      lost,
      widestSpreadMs: Math.max(0, ...spreads),
      elapsedMs,
    }
  } finally {
    await Promise.all(children.map(kill))
    await relay.kill()
    await removeDataDir(relay.dataDir)
  }
}

/** Height and hash of the best chain's blocks, both ends included. */
async function blocksOf(
  ask: <Answer>(path: string) => Promise<Answer>,
  from: number,
  to: number,
): Promise<readonly BlockRow[]> {
  const rows: BlockRow[] = []
  while (rows.length < to - from + 1) {
    const next = from + rows.length
    const { blocks } = await ask<{ blocks: BlockRow[] }>(`blocks?from=${next}`)
    if (blocks.length === 0) throw new Error(`the relay has no block ${next}`)
    rows.push(...blocks.filter(({ height }) => height <= to))
  }
  return rows
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.removeAllListeners('exit')
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
