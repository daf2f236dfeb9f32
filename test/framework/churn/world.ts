/**
 * A network of light nodes and full nodes on a virtual clock: they come, go and fail, regions fall out. Who serves whom is
 * the product's own assignment, who is present its own lease table; only the world around them is made up. Times in ms.
 */
import { CONNECTION, POWER, REACHABILITY, WHOLE } from '../../../shared/admission/hardware.ts'
import { labelOf } from '../../../shared/admission/label-of.ts'
import { profileOf } from '../../../shared/admission/profile.ts'
import { uintToBytes } from '../../../shared/bytes.ts'
import { serversInOrder } from '../../../shared/coordination/assignment.ts'
import { CLAIM_DELAY_MS, PresenceTable, RENEWAL_MS } from '../../../shared/coordination/lease.ts'
import { leaseCodec } from '../../../shared/device-profile/lease.ts'
import { sha256 } from '../../../shared/hash.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { FuzzRandom } from '../fuzz/random.ts'
import { EventQueue } from './event-queue.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A dead connection is noticed by the heartbeat: asked every 5 s, an answer within 5 s. */
const NOTICED_AFTER = 5 * SECOND
const NOTICED_WITHIN = 5 * SECOND
/** To find out that a server does not answer, and to connect to one that is no warm standby. */
const DIAL = 3 * SECOND
/** A phone that is awake answers a duel within this. */
const PROOF = 2 * SECOND
const REGIONS = 8
/** Devices of one block. */
const DEVICES_IN_A_BLOCK = 50
/** The first part fills the network. */
const WARM_UP_SHARE = 0.15
const LOAD_EVERY = 30 * MINUTE
/** A full node says that it is busy at so many times what it would have if all had as much. */
const BUSY_FACTOR = 1.2
/** Devices whose leases are carried out one by one, with copies of their keys about that try to take their place. */
const WATCHED_DEVICES = 1_000
const COPIES_TRY_EVERY = DAY

const KIND = {
  deviceOn: 0,
  deviceOff: 1,
  serverUp: 2,
  serverDown: 3,
  seatChanges: 4,
  regionOut: 5,
  regionBack: 6,
  sample: 7,
  renew: 8,
  copyTries: 9,
  prove: 10,
  comeAgain: 11,
} as const

type Kind = (typeof KIND)[keyof typeof KIND]

export interface ChurnInit {
  readonly devices: number
  readonly servers: number
  readonly days: number
  readonly seed: number
  say?(line: string): void
}

export interface ChurnResult {
  /** Of the time in which devices were connected, outside of what took their own region out. */
  readonly servedShare: number
  readonly moves: number
  /** Devices whose server went away, and for each seat that came an even share of those connected. */
  readonly unavoidable: number
  /** Highest over mean number of devices of a server that is up: the worst sample, and the mean of all. */
  readonly worstLoad: number
  readonly meanLoad: number
  /** Hours of the run, and max over mean then. */
  readonly loads: readonly (readonly [hours: number, load: number])[]
  /** Leases of a connected device in an hour, bytes as encoded. */
  readonly leaseBytesPerHour: number
  readonly serverFailures: number
  readonly seatChanges: number
  readonly outages: number
  readonly copies: { readonly tried: number; readonly letInWhileAlive: number; readonly letInAfter: number }
  /** Of connected devices at the end, by what they fit. */
  readonly labels: Readonly<Record<'lightweight' | 'coordination' | 'full', number>>
}

export function runChurn({ devices, servers, days, seed, say = () => {} }: ChurnInit): ChurnResult {
  const random = new FuzzRandom(seed, 'churn', 0)
  const end = days * DAY
  const warm = end * WARM_UP_SHARE
  const events = new EventQueue()
  const pareto = (least: number, shape: number, most: number) =>
    Math.min(most, least / (1 - random.next()) ** (1 / shape))

  // Every seat that there will ever be: the order among those present at any time is a part of the order of all.
  const seatChangeTimes = Array.from(
    { length: Math.max(2, Math.round((servers * days) / 20)) },
    () => random.next() * end,
  )
  const seats = servers + seatChangeTimes.length
  const members = Array.from({ length: seats }, (_, seat) => ({ seat }))
  const order = new Uint16Array(devices * seats)
  for (let device = 0; device < devices; device++) {
    const blockHash = sha256(uintToBytes(Math.floor(device / DEVICES_IN_A_BLOCK), 4))
    const deviceId = sha256(uintToBytes(device, 5))
    order.set(
      serversInOrder({ blockHash, deviceId }, members).map(({ seat }) => seat),
      device * seats,
    )
    if (device % 20_000 === 0) say(`order of servers: ${device} of ${devices} devices`)
  }

  const server = {
    isMember: members.map(({ seat }) => seat < servers),
    isRunning: members.map(() => true),
    region: members.map(() => random.below(REGIONS)),
    load: new Int32Array(seats),
  }
  const device = {
    region: Uint8Array.from({ length: devices }, () => random.below(REGIONS)),
    isOn: new Uint8Array(devices),
    since: new Float64Array(devices),
    /** Seat plus one; 0: nobody. */
    served: new Uint16Array(devices),
  }
  const isOut = new Array<boolean>(REGIONS).fill(false)
  const isUp = (seat: number) =>
    server.isMember[seat] === true && server.isRunning[seat] === true && isOut[server.region[seat] as number] === false
  const isConnected = (one: number) => device.isOn[one] === 1 && isOut[device.region[one] as number] === false

  let connected = 0
  let connectedTime = 0
  let unservedTime = 0
  let leases = 0
  let [moves, unavoidable, serverFailures, seatChanges, outages] = [0, 0, 0, 0, 0]
  const loads: [number, number][] = []
  const table = new PresenceTable()
  const copies = { tried: 0, letInWhileAlive: 0, letInAfter: 0 }
  let [nextJoining, nextLeaving] = [servers, 0]

  /** The first in order that is up and not at its limit. @returns servers in the way that did not answer */
  function connect(one: number): number {
    const limit = Math.ceil((BUSY_FACTOR * (connected + 1)) / members.filter(({ seat }) => isUp(seat)).length)
    let dead = 0
    for (let place = 0; place < seats; place++) {
      const seat = order[one * seats + place] as number
      if (server.isMember[seat] !== true) continue
      if (!isUp(seat)) {
        dead++
        continue
      }
      if ((server.load[seat] as number) >= limit) continue
      device.served[one] = seat + 1
      server.load[seat] = (server.load[seat] as number) + 1
      return dead
    }
    return dead
  }

  function leave(one: number): void {
    const seat = (device.served[one] as number) - 1
    if (seat >= 0) server.load[seat] = (server.load[seat] as number) - 1
    device.served[one] = 0
  }

  function begin(one: number, now: number): void {
    device.since[one] = now
    connected++
    const dead = connect(one)
    if (now >= warm) {
      unservedTime += dead * DIAL
      leases++
    }
    claim(one, now)
  }

  function finish(one: number, now: number): void {
    connected--
    const from = Math.max(warm, device.since[one] as number)
    if (now > from) {
      connectedTime += now - from
      leases += (now - from) / RENEWAL_MS
    }
    leave(one)
  }

  /** Everybody whom a server has served looks for the next; the first in order is a warm standby. */
  function loseServer(seat: number, now: number, isAnnounced: boolean): void {
    for (let one = 0; one < devices; one++) {
      if (device.served[one] !== seat + 1 || !isConnected(one)) continue
      leave(one)
      const dead = connect(one)
      if (now < warm) continue
      moves++
      unavoidable++
      leases++
      const noticed = isAnnounced ? 0 : NOTICED_AFTER + random.next() * NOTICED_WITHIN
      // The one that failed is the first that does not answer, and that is what was noticed.
      const others = Math.max(0, dead - 1)
      unservedTime += noticed + others * DIAL + (others > 0 ? DIAL : 0)
      claim(one, now)
    }
  }

  const isWatched = (one: number) => one < WATCHED_DEVICES
  function claim(one: number, now: number): void {
    if (!isWatched(one) || device.served[one] === 0) return
    const seat = (device.served[one] as number) - 1
    const outcome = table.claim({ deviceId: `${one}`, holder: 'device', seat }, now)
    // Somebody has its place: it comes again as soon as it may.
    if (outcome.type === 'wait') events.push(outcome.until, KIND.comeAgain, one)
    if (outcome.type === 'prove') events.push(outcome.deadline + CLAIM_DELAY_MS, KIND.comeAgain, one)
  }

  const handlers: Readonly<Record<Kind, (subject: number, now: number) => void>> = {
    [KIND.deviceOn](one, now) {
      device.isOn[one] = 1
      if (isConnected(one)) begin(one, now)
      events.push(now + pareto(20 * MINUTE, 1.2, 14 * DAY), KIND.deviceOff, one)
    },
    [KIND.deviceOff](one, now) {
      if (isConnected(one)) finish(one, now)
      device.isOn[one] = 0
      events.push(now + pareto(3 * MINUTE, 1.1, 2 * DAY), KIND.deviceOn, one)
    },
    [KIND.serverDown](seat, now) {
      if (server.isMember[seat] !== true) return
      const wasUp = isUp(seat)
      server.isRunning[seat] = false
      if (now >= warm) serverFailures++
      if (wasUp) loseServer(seat, now, false)
      events.push(now + pareto(MINUTE, 1.1, 8 * HOUR), KIND.serverUp, seat)
    },
    [KIND.serverUp](seat, now) {
      server.isRunning[seat] = true
      events.push(now + pareto(12 * HOUR, 1.5, 60 * DAY), KIND.serverDown, seat)
    },
    // One seat goes, and another comes: the roster of a network that is kept up.
    [KIND.seatChanges](_, now) {
      const [leaving, joining] = [nextLeaving++, nextJoining++]
      const wasUp = isUp(leaving)
      server.isMember[leaving] = false
      seatChanges++
      if (wasUp) loseServer(leaving, now, true)
      server.isMember[joining] = true
      if (!isUp(joining)) return
      const present = members.filter(({ seat }) => server.isMember[seat] === true).length
      if (now >= warm) unavoidable += connected / present
      for (let one = 0; one < devices; one++) {
        if (!isConnected(one) || device.served[one] === 0) continue
        // Only who has the new seat as the first of all seats moves to it.
        const first = firstMember(one)
        if (first !== joining) continue
        leave(one)
        connect(one)
        if (now >= warm) {
          moves++
          leases++
        }
        claim(one, now)
      }
      events.push(now + pareto(12 * HOUR, 1.5, 60 * DAY), KIND.serverDown, joining)
    },
    [KIND.regionOut](region, now) {
      if (isOut[region] === true) return
      for (let one = 0; one < devices; one++)
        if (device.region[one] === region && device.isOn[one] === 1) finish(one, now)
      const cut = members.filter(({ seat }) => server.region[seat] === region && isUp(seat))
      isOut[region] = true
      outages++
      for (const { seat } of cut) loseServer(seat, now, false)
      events.push(now + pareto(5 * MINUTE, 1.3, 3 * HOUR), KIND.regionBack, region)
    },
    [KIND.regionBack](region, now) {
      isOut[region] = false
      for (let one = 0; one < devices; one++)
        if (device.region[one] === region && device.isOn[one] === 1) begin(one, now)
      events.push(now + pareto(6 * HOUR, 1.1, 30 * DAY), KIND.regionOut, region)
    },
    [KIND.sample](_, now) {
      const up = members.filter(({ seat }) => isUp(seat)).map(({ seat }) => server.load[seat] as number)
      const mean = up.reduce((sum, load) => sum + load, 0) / up.length
      if (now >= warm) loads.push([now / HOUR, Math.max(...up) / mean])
      events.push(now + LOAD_EVERY, KIND.sample, 0)
      if (Math.round(now / LOAD_EVERY) % 12 === 0) say(`hour ${Math.round(now / HOUR)}: ${connected} connected`)
    },
    [KIND.renew](one, now) {
      if (isConnected(one)) claim(one, now)
      events.push(now + RENEWAL_MS, KIND.renew, one)
    },
    [KIND.comeAgain](one, now) {
      if (isConnected(one)) claim(one, now)
    },
    [KIND.copyTries](one, now) {
      copies.tried++
      const outcome = table.claim({ deviceId: `${one}`, holder: 'copy', seat: 0 }, now)
      if (outcome.type === 'prove') events.push(now + PROOF, KIND.prove, one)
      if (outcome.type === 'granted') {
        if (isConnected(one)) copies.letInWhileAlive++
        else copies.letInAfter++
      }
      events.push(now + random.next() * 2 * COPIES_TRY_EVERY, KIND.copyTries, one)
    },
    [KIND.prove](one, now) {
      if (isConnected(one)) table.prove(`${one}`, 'device', now)
    },
  }

  function firstMember(one: number): number {
    for (let place = 0; ; place++) {
      const seat = order[one * seats + place] as number
      if (server.isMember[seat] === true) return seat
    }
  }

  for (let one = 0; one < devices; one++) events.push(random.next() * HOUR, KIND.deviceOn, one)
  for (let seat = 0; seat < servers; seat++)
    events.push(random.next() * pareto(12 * HOUR, 1.5, 60 * DAY), KIND.serverDown, seat)
  for (const time of seatChangeTimes.sort((a, b) => a - b)) events.push(time, KIND.seatChanges, 0)
  for (let region = 0; region < REGIONS; region++) events.push(pareto(6 * HOUR, 1.1, 30 * DAY), KIND.regionOut, region)
  events.push(LOAD_EVERY, KIND.sample, 0)
  for (let one = 0; one < Math.min(devices, WATCHED_DEVICES); one++) {
    events.push(random.next() * RENEWAL_MS, KIND.renew, one)
    events.push(warm + random.next() * 2 * COPIES_TRY_EVERY, KIND.copyTries, one)
  }
  for (;;) {
    const { time, kind, subject } = events.pop()
    if (time > end) break
    handlers[kind as Kind](subject, time)
  }

  const labels = { lightweight: 0, coordination: 0, full: 0 }
  for (let one = 0; one < devices; one++) {
    if (!isConnected(one)) continue
    const fits = labelOf(hardware(end - (device.since[one] as number)), DEFAULT_POLICY.label).label
    if ((fits & LABEL.full) !== 0) labels.full++
    else if ((fits & LABEL.coordination) !== 0) labels.coordination++
    else labels.lightweight++
    finish(one, end)
  }
  const values = loads.map(([, load]) => load)
  return {
    servedShare: 1 - unservedTime / connectedTime,
    moves,
    unavoidable,
    worstLoad: Math.max(...values),
    meanLoad: values.reduce((sum, load) => sum + load, 0) / values.length,
    loads,
    leaseBytesPerHour: (leases * leaseCodec.maxLength) / (connectedTime / HOUR),
    serverFailures,
    seatChanges,
    outages,
    copies,
    labels,
  }

  /** A phone, a board that is always on, or a PC. */
  function hardware(connectedMs: number) {
    const kind = random.next()
    return profileOf({
      lifetimeSeconds: connectedMs / SECOND,
      availability: WHOLE,
      computeScore: kind < 0.6 ? 40_000 : kind < 0.95 ? 8_000 : 200_000,
      storageMiB: kind < 0.6 ? 500 : kind < 0.95 ? 64 : 50_000,
      reachability: REACHABILITY.localNetwork,
      power: kind < 0.6 ? POWER.battery : POWER.mains,
      connection: CONNECTION.unmetered,
    })
  }
}
