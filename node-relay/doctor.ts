import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RelayConfig } from './config.ts'
import { inspectDataDir } from './data-dir.ts'
import { portProblem } from './free-ports.ts'
import type { AdminStatus } from './http/admin-socket.ts'
import { MDNS_PORT } from './mdns/announce.ts'
import { reachableAddresses } from './tls/lan-addresses.ts'

export interface Finding {
  readonly subject: 'node' | 'relay' | 'addresses' | 'ports' | 'firewall' | 'clock' | 'disk' | 'data'
  readonly state: 'good' | 'warning' | 'bad'
  /** What is, and what to do. */
  readonly sentence: string
}

export interface DoctorInit {
  readonly config: RelayConfig
  /** What the running relay says; undefined when none runs. */
  readonly running: AdminStatus | undefined
  readonly now: number
  readonly platform?: NodeJS.Platform
}

const LEAST_NODE = 22
const MEGABYTE = 1024 * 1024
/** A chain of years needs some hundred megabytes. */
const LITTLE_DISK = 1024 * MEGABYTE
const NO_DISK = 100 * MEGABYTE
/** A block this much older than the clock is no sleep but a clock that is wrong, or a relay that does not mine. */
const OLD_TIP_MS = 7 * 86_400_000
/** Nothing was released before; a PC with an empty battery wakes in 1970 or 2000. */
const EARLIEST_CLOCK = Date.UTC(2026, 0, 1)

/** Looks at what a relay needs, with and without one running. Changes nothing. */
export async function examine(init: DoctorInit): Promise<readonly Finding[]> {
  const { config, running, platform = process.platform } = init
  return [
    node(),
    relay(running),
    addresses(config),
    ...(await ports(config, running)),
    firewall(config, platform),
    clock(init),
    data(config),
    disk(config),
  ]
}

function node(): Finding {
  const version = process.versions.node
  if (Number(version.split('.')[0]) >= LEAST_NODE)
    return { subject: 'node', state: 'good', sentence: `Node ${version}.` }
  return {
    subject: 'node',
    state: 'bad',
    sentence: `Node ${version} is too old; run "npm install", which brings the right one along.`,
  }
}

function relay(running: AdminStatus | undefined): Finding {
  if (running === undefined)
    return { subject: 'relay', state: 'warning', sentence: 'No relay is running here; "npm start" starts it.' }
  const { tip, peers, pid, mining } = running
  return {
    subject: 'relay',
    state: mining.state === 'mining' ? 'good' : 'warning',
    sentence: `Running (process ${pid}), height ${tip.height}, ${peers.length} peers. ${mining.sentence}`,
  }
}

function addresses(config: RelayConfig): Finding {
  const found = reachableAddresses(config.listen).map(({ address }) => address)
  if (found.length === 0)
    return {
      subject: 'addresses',
      state: 'warning',
      sentence: 'No address that a phone could reach; connect this PC to a network, and check --listen.',
    }
  return {
    subject: 'addresses',
    state: 'good',
    sentence: `Phones reach this PC at ${found.join(', ')}, or ${config.name}.local.`,
  }
}

async function ports(config: RelayConfig, running: AdminStatus | undefined): Promise<Finding[]> {
  const wanted = [
    { protocol: 'TCP', port: config.port, flag: 'port' },
    { protocol: 'UDP', port: config.udpPort, flag: 'udp-port' },
    { protocol: 'TCP', port: config.wsPort, flag: 'ws-port' },
    { protocol: 'TCP', port: config.tcpPort, flag: 'tcp-port' },
  ] as const
  return Promise.all(
    wanted
      .filter(({ port }) => port !== 0)
      .map(async ({ protocol, port, flag }): Promise<Finding> => {
        const ours = protocol === 'UDP' ? running?.ports.udp : running?.ports.tcp
        if (ours?.includes(port))
          return { subject: 'ports', state: 'good', sentence: `${protocol} ${port} is open, held by the relay.` }
        const problem = await portProblem(protocol, config.listen[0] ?? '0.0.0.0', port)
        if (problem === undefined) return { subject: 'ports', state: 'good', sentence: `${protocol} ${port} is free.` }
        const why =
          problem === 'EADDRINUSE' ? 'is used by another program; stop it' : `cannot be opened (${problem}); change it`
        return {
          subject: 'ports',
          state: 'bad',
          sentence: `${protocol} ${port} ${why}, or choose another with --${flag}.`,
        }
      }),
  )
}

/** Whether a firewall lets phones in cannot be seen from inside; the command that opens it can be said. */
function firewall(config: RelayConfig, platform: NodeJS.Platform): Finding {
  const tcp = [config.port, config.wsPort, config.tcpPort].filter((port) => port !== 0)
  const udp = [config.udpPort, MDNS_PORT].filter((port) => port !== 0)
  const hint = (state: 'good' | 'warning', sentence: string): Finding => ({ subject: 'firewall', state, sentence })
  if (platform === 'win32')
    return hint(
      'warning',
      `If phones cannot connect, allow it as administrator: netsh advfirewall firewall add rule name=Lares dir=in action=allow protocol=TCP localport=${tcp} profile=private (and protocol=UDP localport=${udp}).`,
    )
  if (platform === 'darwin')
    return hint('warning', 'If phones cannot connect, allow "node" in System Settings, Network, Firewall, Options.')
  if (/^ENABLED=yes/m.test(readText('/etc/ufw/ufw.conf')))
    return hint(
      'warning',
      `The firewall ufw is on; let phones in with: ${[...tcp.map((port) => `sudo ufw allow ${port}/tcp`), ...udp.map((port) => `sudo ufw allow ${port}/udp`)].join(' && ')}`,
    )
  if (existsSync('/run/firewalld') || existsSync('/var/run/firewalld.pid'))
    return hint(
      'warning',
      `The firewall firewalld is on; let phones in with: sudo firewall-cmd --permanent ${[...tcp.map((port) => `--add-port=${port}/tcp`), ...udp.map((port) => `--add-port=${port}/udp`)].join(' ')} && sudo firewall-cmd --reload`,
    )
  return hint(
    'good',
    `No ufw or firewalld is on; another firewall must let in TCP ${tcp.join(', ')} and UDP ${udp.join(', ')}.`,
  )
}

function clock({ running, now, platform = process.platform }: DoctorInit): Finding {
  const say = (state: Finding['state'], sentence: string): Finding => ({ subject: 'clock', state, sentence })
  const text = new Date(now).toISOString().slice(0, 16).replace('T', ' ')
  if (now < EARLIEST_CLOCK)
    return say('bad', `The clock says ${text} UTC, which is past; set it, and let the system keep it (NTP).`)
  if (running !== undefined && running.tip.time > now + 60_000)
    return say('bad', `The clock says ${text} UTC, behind the newest block; set it, and let the system keep it (NTP).`)
  if (running !== undefined && running.tip.height > 0 && now - running.tip.time > OLD_TIP_MS)
    return say('warning', `The clock says ${text} UTC, days after the newest block; check that it is right.`)
  // systemd-timesyncd, chrony and ntpd leave these while they keep the clock.
  const kept = ['/run/systemd/timesync/synchronized', '/run/chrony', '/run/ntpd.pid'].some((path) => existsSync(path))
  if (platform === 'linux' && !kept)
    return say('warning', `The clock says ${text} UTC; no time service was found that keeps it.`)
  return say('good', `The clock says ${text} UTC.`)
}

function data(config: RelayConfig): Finding {
  const found = inspectDataDir(config.dataDir)
  if (!found.ok) return { subject: 'data', state: 'bad', sentence: found.detail }
  const path = existingParent(config.dataDir)
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch {
    return {
      subject: 'data',
      state: 'bad',
      sentence: `${path} cannot be written; make it writable, or choose another folder with --data-dir.`,
    }
  }
  const what = found.value === 'relay' ? 'holds a relay' : 'is where the relay will be made'
  return { subject: 'data', state: 'good', sentence: `${config.dataDir} ${what}.` }
}

function disk(config: RelayConfig): Finding {
  const { bavail, bsize } = statfsSync(existingParent(config.dataDir))
  const free = bavail * bsize
  const text = `${Math.floor(free / MEGABYTE)} MB free for the data folder`
  if (free < NO_DISK) return { subject: 'disk', state: 'bad', sentence: `${text}; make room, or the relay stops.` }
  if (free < LITTLE_DISK) return { subject: 'disk', state: 'warning', sentence: `${text}; that is little for years.` }
  return { subject: 'disk', state: 'good', sentence: `${text}.` }
}

function existingParent(path: string): string {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  return existing
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
