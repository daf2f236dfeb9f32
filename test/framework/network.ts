/** Real libp2p networks for tests, on loopback: relays and browser-like hosts, in this process or in others. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RelayNetworkInit } from '../../node-relay/network/relay-network.ts'
import { createNodeKey, createRelayNetwork, type RelayNetwork } from '../../node-relay/network/relay-network.ts'
import { createWebRtcCertificate } from '../../node-relay/network/webrtc-certificate.ts'
import type { PeerEvent, PeerNetwork, TransportKind } from '../../shared/protocol/transport.ts'
import { transportOf } from '../../shared/transport/address.ts'
import type { FromHosts, FromRelay, HostsProcessInit, RelayProcessInit, ToHosts, ToRelay } from './network-messages.ts'

const RELAY_CHILD = fileURLToPath(new URL('./network-relay-child.ts', import.meta.url))
const HOSTS_CHILD = fileURLToPath(new URL('./network-hosts-child.ts', import.meta.url))

/** How long anything here may take before the test fails, milliseconds. */
const PATIENCE_MS = 60_000

/** A relay's network in this process, on free loopback ports. */
export async function startRelayNetwork(init: Partial<RelayNetworkInit> = {}): Promise<RelayNetwork> {
  return createRelayNetwork({
    privateKey: await createNodeKey(),
    webrtcCertificate: await createWebRtcCertificate(),
    hosts: ['127.0.0.1'],
    udpPort: 0,
    wsPort: 0,
    ...init,
  })
}

/** The address of that transport. @throws when there is none */
export function addressOf(addresses: readonly string[], transport: TransportKind): string {
  const found = addresses.find((address) => transportOf(address) === transport)
  if (found === undefined) throw new Error(`no ${transport} address in ${addresses.join(', ')}`)
  return found
}

/** Resolves with the next such event of that peer. */
export function nextPeerEvent(network: PeerNetwork, event: PeerEvent, peerId?: string): Promise<void> {
  return withPatience(
    `${event} ${peerId ?? ''}`,
    new Promise((resolve) => {
      const end = network.on(event, (connection) => {
        if (peerId !== undefined && connection.peerId !== peerId) return
        end()
        resolve()
      })
    }),
  )
}

/** Repeats `attempt` until it returns something. For state that has no event. */
export async function eventually<Value>(what: string, attempt: () => Value | undefined | Promise<Value | undefined>) {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const value = await attempt()
    if (value !== undefined && value !== false) return value
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function withPatience<Value>(what: string, promise: Promise<Value>, patienceMs = PATIENCE_MS): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never happened: ${what}`)), patienceMs)
  })
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer))
}

export interface RelayProcess {
  readonly peerId: string
  readonly addresses: string[]
  publish(text: string): void
  onGossip(listener: (text: string, from: string) => void): void
  /** SIGKILL: no goodbye to anyone. */
  kill(): Promise<void>
}

/** A relay's network in a process of its own. */
export async function spawnRelayProcess(init: RelayProcessInit = {}): Promise<RelayProcess> {
  const child = fork(RELAY_CHILD, [JSON.stringify(init)], { execArgv: [] })
  const { peerId, addresses } = await firstMessage<Extract<FromRelay, { kind: 'ready' }>>(child, 'ready')
  return {
    peerId,
    addresses,
    publish: (text) => void child.send({ kind: 'publish', text } satisfies ToRelay),
    onGossip: (listener) =>
      void child.on('message', (message: FromRelay) => {
        if (message.kind === 'gossip') listener(message.text, message.from)
      }),
    kill: () => kill(child),
  }
}

export interface LightHosts {
  /** Every gossip message that any host receives. */
  onGossip(listener: (host: number, text: string) => void): void
  onLost(listener: (host: number) => void): void
  publish(host: number, text: string): void
  kill(): Promise<void>
}

/** Browser-like hosts in one other process, connected to the relay when it returns. */
export async function spawnLightHosts(init: HostsProcessInit): Promise<LightHosts> {
  const child = fork(HOSTS_CHILD, [JSON.stringify(init)], { execArgv: [] })
  await firstMessage<FromHosts>(child, 'ready')
  return {
    onGossip: (listener) =>
      void child.on('message', (message: FromHosts) => {
        if (message.kind === 'gossip') listener(message.host, message.text)
      }),
    onLost: (listener) =>
      void child.on('message', (message: FromHosts) => {
        if (message.kind === 'lost') listener(message.host)
      }),
    publish: (host, text) => void child.send({ kind: 'publish', host, text } satisfies ToHosts),
    kill: () => kill(child),
  }
}

const WARM_UP = 'warm-up'

export interface CrowdOptions {
  peers: number
  /** Processes the peers are spread over. */
  processes: number
  transport: 'webrtc-direct' | 'websocket'
  seconds: number
  /** Who speaks: the relay, or the first of the peers, whom all others hear through the relay. Default: the relay. */
  speaker?: 'relay' | 'peer'
  /** Between two messages, milliseconds. */
  intervalMs?: number
  onProgress?(sent: number, received: number): void
}

export interface CrowdResult {
  sent: number
  /** `host: messages it never got`, empty when all is well. */
  missing: string[]
  duplicates: number
  /** Connections that broke on the way. */
  lost: number
  /** From publishing to the last receiver, milliseconds. */
  slowestMs: number
  elapsedMs: number
}

/**
 * Many browser-like peers from one address on one relay; a message each interval. Says which peer
 * missed which message. What counts begins once every peer has heard a first message: gossip reaches a new neighbour
 * only after identify and a subscription, about a second after the connection, and what was said before is not repeated.
 */
export async function runCrowd(options: CrowdOptions): Promise<CrowdResult> {
  const { peers, processes, transport, seconds, speaker = 'relay', intervalMs = 1_000 } = options
  const relay = await spawnRelayProcess()
  const groups: LightHosts[] = []
  const received = new Map<string, Map<string, number>>()
  const sentAt = new Map<string, number>()
  const result: CrowdResult = { sent: 0, missing: [], duplicates: 0, lost: 0, slowestMs: 0, elapsedMs: 0 }
  let arrivals = 0
  let onArrival = () => {}
  let onWarmUp: (key: string) => void = () => {}
  try {
    for (let group = 0; group < processes; group++) {
      const hosts = Math.floor(peers / processes) + (group < peers % processes ? 1 : 0)
      const spawned = await spawnLightHosts({ hosts, relay: addressOf(relay.addresses, transport) })
      groups.push(spawned)
      for (let host = 0; host < hosts; host++) received.set(`${group}/${host}`, new Map())
      spawned.onLost(() => result.lost++)
      spawned.onGossip((host, text) => {
        if (text.startsWith(WARM_UP)) return onWarmUp(`${group}/${host}`)
        const messages = received.get(`${group}/${host}`) as Map<string, number>
        if (messages.has(text)) result.duplicates++
        messages.set(text, Date.now())
        result.slowestMs = Math.max(result.slowestMs, Date.now() - (sentAt.get(text) ?? 0))
        arrivals++
        onArrival()
      })
    }
    if (speaker === 'peer') received.delete('0/0')
    const hearers = received.size
    const say = speaker === 'peer' ? (text: string) => groups[0]?.publish(0, text) : relay.publish
    const warm = new Set<string>()
    onWarmUp = (key) => void warm.add(key)
    let warmUps = 0
    await eventually('every peer hears the speaker', () => {
      say(`${WARM_UP} ${warmUps++}`)
      return warm.size === hearers || undefined
    })
    const started = Date.now()
    const count = Math.ceil((seconds * 1_000) / intervalMs)
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const text = `message ${result.sent++}`
        sentAt.set(text, Date.now())
        say(text)
        options.onProgress?.(result.sent, arrivals)
        if (result.sent < count) return
        clearInterval(timer)
        resolve()
      }, intervalMs)
    })
    const all = new Promise<void>((resolve) => {
      onArrival = () => {
        if (arrivals - result.duplicates >= count * hearers) resolve()
      }
      onArrival()
    })
    // What did not arrive in time is listed as missing, by host: more telling than a time-out.
    await withPatience('everyone has everything', all, 10_000).catch(() => {})
    result.elapsedMs = Date.now() - started
    for (const [host, messages] of received) {
      const missed = [...sentAt.keys()].filter((text) => !messages.has(text))
      if (missed.length > 0) result.missing.push(`${host}: ${missed.join(', ')}`)
    }
    return result
  } finally {
    await Promise.all([relay.kill(), ...groups.map((group) => group.kill())])
  }
}

function firstMessage<Message extends { kind: string }>(child: ChildProcess, kind: Message['kind']): Promise<Message> {
  return withPatience(
    `a "${kind}" of process ${child.pid}`,
    new Promise((resolve, reject) => {
      child.on('message', (message: Message) => {
        if (message.kind === kind) resolve(message)
      })
      child.once('exit', (code) => reject(new Error(`the process ended with ${code} before "${kind}"`)))
    }),
  )
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
