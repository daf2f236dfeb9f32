import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { addressBytes } from '../tls/lan-addresses.ts'
import type { AddressRecord } from './records.ts'
import { createResponder, type Link, type Responder } from './responder.ts'

export const MDNS_PORT = 5353
const GROUP = '224.0.0.251'
/** RFC 6762 section 11. */
const MULTICAST_TTL = 255
/** How often interfaces and addresses are looked at. */
export const INTERFACES_INTERVAL_MS = 30_000
/** Interfaces spoken on; containers and virtual machines can bring dozens. */
const MAX_LINKS = 16

export interface AnnounceInit {
  /** Wanted name, without `.local`. */
  readonly name: string
  /** Addresses that the relay listens on: only those are announced. */
  readonly listen: readonly string[]
  now(): number
  after(delayMs: number, task: () => void): () => void
  log(message: string, error?: unknown): void
  /** After the first, whenever it changes. */
  onChange?(name: string | undefined): void
}

export interface Announcement {
  /** `lares.local`; undefined while there is none. */
  readonly name: string | undefined
  /** Why there is none, as a sentence. */
  readonly problem: string | undefined
  stop(): Promise<void>
}

interface Interface {
  readonly address: string
  readonly netmask: string
  readonly records: readonly AddressRecord[]
}

interface OpenLink {
  readonly link: Link
  readonly socket: Socket
}

/**
 * Announces `<name>.local` on every IPv4 network of this PC, with its IPv6 addresses. Returns when the name is ours or
 * cannot be had; then the relay goes on with its bare addresses. Follows changes of addresses.
 */
export async function announceName(init: AnnounceInit): Promise<Announcement> {
  let responder: Responder | undefined
  let sockets: Socket[] = []
  let name: string | undefined
  let problem: string | undefined
  let spokenOn = ''
  let stopped = false
  let cancel = () => {}

  async function open(): Promise<void> {
    const interfaces = findInterfaces(init.listen)
    spokenOn = JSON.stringify(interfaces)
    const opened = await Promise.all(
      interfaces.map((one) => openLink(one, () => responder).catch((error: Error) => error)),
    )
    const failures = opened.filter((one): one is NodeJS.ErrnoException => one instanceof Error)
    const links = opened.filter((one): one is OpenLink => !(one instanceof Error))
    sockets = links.map(({ socket }) => socket)
    if (links.length === 0) {
      const [failure] = failures
      problem =
        failure === undefined
          ? 'This relay listens on no network of this PC, so it has no .local name.'
          : `UDP port ${MDNS_PORT} cannot be used (${failure.code ?? failure.message}), so there is no .local name; phones use the bare address.`
      setName(undefined)
      return
    }
    problem = undefined
    await new Promise<void>((resolve) => {
      responder = createResponder({
        name: init.name,
        links: links.map(({ link }) => link),
        now: init.now,
        after: init.after,
        random: Math.random,
        onName(found) {
          if (found === undefined)
            problem = `Other devices answer to ${init.name}.local and its like; choose another with --name.`
          setName(found)
          resolve()
        },
      })
    })
  }

  function setName(found: string | undefined): void {
    if (found === name) return
    const isFirst = name === undefined && found !== undefined
    name = found
    init.log(found === undefined ? 'no mDNS name' : `mDNS name ${found}${isFirst ? '' : ' (changed)'}`)
    init.onChange?.(found)
  }

  async function close(): Promise<void> {
    responder?.stop()
    responder = undefined
    const closing = sockets
    sockets = []
    await Promise.all(closing.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  function watch(): void {
    cancel = init.after(INTERFACES_INTERVAL_MS, () => {
      const changed = JSON.stringify(findInterfaces(init.listen)) !== spokenOn
      const reopened = changed ? close().then(open) : Promise.resolve()
      reopened
        .catch((error) => init.log('could not announce the name again', error))
        .finally(() => {
          if (!stopped) watch()
        })
    })
  }

  await open()
  watch()
  return {
    get name() {
      return name
    },
    get problem() {
      return problem
    },
    async stop() {
      stopped = true
      cancel()
      await close()
    },
  }
}

/** One per IPv4 network, with all addresses of its interface that the relay listens on. */
function findInterfaces(listen: readonly string[]): readonly Interface[] {
  const found: Interface[] = []
  for (const entries of Object.values(networkInterfaces())) {
    const usable = (entries ?? []).filter(
      ({ address, family, internal, scopeid }) =>
        !internal &&
        (scopeid ?? 0) === 0 &&
        (listen.includes(address) || listen.includes(family === 'IPv4' ? '0.0.0.0' : '::')),
    )
    const records = usable.map(
      ({ address, family }): AddressRecord => ({ type: family === 'IPv4' ? 'A' : 'AAAA', address }),
    )
    for (const { address, netmask, family } of usable)
      if (family === 'IPv4')
        found.push({
          address,
          netmask,
          records: records.filter((one) => one.type === 'AAAA' || one.address === address),
        })
  }
  return found.slice(0, MAX_LINKS)
}

async function openLink(one: Interface, responder: () => Responder | undefined): Promise<OpenLink> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ port: MDNS_PORT, address: '0.0.0.0' }, () => {
      try {
        socket.addMembership(GROUP, one.address)
        socket.setMulticastInterface(one.address)
        socket.setMulticastTTL(MULTICAST_TTL)
        // Other programs on this PC ask too.
        socket.setMulticastLoopback(true)
        resolve()
      } catch (error) {
        socket.close()
        reject(error as Error)
      }
    })
  })
  // Sending fails while a cable is out; the next look at the interfaces mends it.
  socket.removeAllListeners('error').on('error', () => {})
  const link: Link = { records: one.records, send: (message) => socket.send(message, MDNS_PORT, GROUP, () => {}) }
  socket.on('message', (message, from) => {
    // Every socket hears every interface's messages, and only neighbours count (section 11).
    if (!isInNetwork(from.address, one)) return
    const reply =
      from.port === MDNS_PORT
        ? undefined
        : (answer: Uint8Array) => socket.send(answer, from.port, from.address, () => {})
    responder()?.receive(link, message, reply)
  })
  return { link, socket }
}

function isInNetwork(address: string, { address: own, netmask }: Interface): boolean {
  const [a, b, mask] = [addressBytes(address), addressBytes(own), addressBytes(netmask)]
  return mask?.every((bits, index) => ((a?.[index] ?? 0) & bits) === ((b?.[index] ?? 0) & bits)) === true
}
