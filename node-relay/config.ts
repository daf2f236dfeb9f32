import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { accept, type Rejection, type Result, reject } from '../shared/errors.ts'
import { MAX_ADDRESSES } from '../shared/identity/record.ts'
import { PRESETS, type PresetName } from '../shared/params.ts'
import { type JoinLink, parseJoinLink } from '../shared/protocol/join-link.ts'
import { CONFIG_FILE, defaultDataDir } from './data-dir.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { MAX_CONFIGURED_PEERS, peerOf } from './sync/address-book.ts'

export const DEFAULT_PORT = 4670
export const DEFAULT_UDP_PORT = 4671
export const DEFAULT_WS_PORT = 4672
export const DEFAULT_TCP_PORT = 4673
export const DEFAULT_METRICS_PORT = 4674
/** A small share of one core: a home PC must stay usable. */
export const DEFAULT_MINE_SHARE = 0.05
export const DEFAULT_NAME = 'lares'
const ROLES = ['full', 'coordination'] as const
/** A DNS label (RFC 1035): it becomes `<name>.local`. */
const NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/
const MAX_FILE_BYTES = 1024 * 1024
/** Of an address to announce; certificate hash and peer ID follow. */
const MAX_ANNOUNCED_LENGTH = 120

export type Role = (typeof ROLES)[number]

export type NetworkChoice =
  | { readonly kind: 'preset'; readonly preset: PresetName }
  /** A JSON file that describes a network; read and parsed, not yet judged. */
  | { readonly kind: 'file'; readonly path: string; readonly content: Readonly<Record<string, unknown>> }

export interface RelayConfig {
  readonly dataDir: string
  /** HTTPS and, on loopback, HTTP. TCP; 0 takes any free port. */
  readonly port: number
  /** WebRTC-direct. */
  readonly udpPort: number
  /** libp2p over WebSockets and over TCP (other relays). */
  readonly wsPort: number
  readonly tcpPort: number
  /** IP addresses to listen on. */
  readonly listen: readonly string[]
  readonly roles: readonly Role[]
  readonly network: NetworkChoice
  /** The network to join, instead of founding one. */
  readonly join: JoinLink | undefined
  /** Full nodes to stay connected to, multiaddrs with peer ID. */
  readonly peers: readonly string[]
  /** Where this relay is reached from outside, multiaddrs without peer ID; `off`: no address of it goes into the ledger. */
  readonly announce: readonly string[] | 'off'
  /** Share of one core, 0 (do not mine) to 1. */
  readonly mineShare: number
  /** Announced on the LAN as `<name>.local`. */
  readonly name: string
  /** Origin of a static page to print in join links, without a trailing slash. */
  readonly pageOrigin: string | undefined
  /**
   * Where `/metrics` is served; undefined: nowhere. `asked` by a person: then it must work, while the default gives way to
   * another relay on this PC.
   */
  readonly metrics: { readonly host: string; readonly port: number; readonly asked: boolean } | undefined
  readonly logLevel: LogLevel
  readonly logTo: 'file' | 'stderr'
  readonly quiet: boolean
  /** Folder of CRLs and Matter revocation sets; without it no device joins by a certificate. */
  readonly revocation: string | undefined
  /** A certificate brought along, PEM files. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
}

export type ConfigCode = 'unknown-flag' | 'bad-value' | 'unknown-network-file' | 'bad-config-file'

export type Setting = string | boolean | readonly string[]

/** Every setting, once: flag, placeholder and help. In a config file the same names stand without the dashes. */
export const RELAY_FLAGS = {
  'data-dir': { type: 'string', hint: 'DIR', help: 'where everything is kept' },
  config: { type: 'string', hint: 'FILE', help: 'settings as JSON; default: config.json in the data dir' },
  port: { type: 'string', hint: 'N', help: `HTTPS, and HTTP for this PC (default ${DEFAULT_PORT}, TCP)` },
  'udp-port': { type: 'string', hint: 'N', help: `WebRTC for browsers (default ${DEFAULT_UDP_PORT}, UDP)` },
  'ws-port': {
    type: 'string',
    hint: 'N',
    help: `WebSockets, the fallback for browsers (default ${DEFAULT_WS_PORT}, TCP)`,
  },
  'tcp-port': { type: 'string', hint: 'N', help: `for other relays (default ${DEFAULT_TCP_PORT}, TCP)` },
  listen: { type: 'string', hint: 'IP[,IP]', help: 'addresses to listen on (default: all)' },
  roles: {
    type: 'string',
    hint: 'LIST',
    help: 'full,coordination (default: both); coordination alone: no blocks, no mining, no page, for a small board',
  },
  join: {
    type: 'string',
    hint: 'LINK',
    help: 'join the network of this link as one more relay, instead of founding one; needed at the first start only',
  },
  peers: {
    type: 'string',
    hint: 'ADDR[,ADDR]',
    help: 'other relays to stay connected to: /ip4/192.168.1.20/tcp/4673/p2p/12D3…; more are found by themselves',
  },
  announce: {
    type: 'string',
    hint: 'ADDR[,ADDR]|off',
    help: 'where it is reached from outside: /ip4/203.0.113.7/tcp/4673; off: no address of it goes into the ledger',
  },
  network: { type: 'string', hint: 'home|test|FILE', help: 'which network (default home)' },
  'mine-share': {
    type: 'string',
    hint: 'X',
    help: `share of one core for mining, 0 to 1 (default ${DEFAULT_MINE_SHARE})`,
  },
  name: { type: 'string', hint: 'NAME', help: `announced as NAME.local (default ${DEFAULT_NAME})` },
  'page-origin': { type: 'string', hint: 'URL', help: 'origin of the static page for join links' },
  'tls-cert': { type: 'string', hint: 'FILE', help: 'own certificate chain, PEM' },
  'tls-key': { type: 'string', hint: 'FILE', help: 'its key, PEM' },
  revocation: {
    type: 'string',
    hint: 'DIR',
    help: 'CRLs and Matter revocation sets: what devices with certificates are checked against',
  },
  'metrics-listen': {
    type: 'string',
    hint: 'IP:PORT|off',
    help: `Prometheus metrics (default 127.0.0.1:${DEFAULT_METRICS_PORT}: this PC alone)`,
  },
  'log-level': { type: 'string', hint: 'LEVEL', help: `${LOG_LEVELS.join(', ')} (default info)` },
  'log-to': { type: 'string', hint: 'file|stderr', help: 'where the log goes (default: a file in the data dir)' },
  quiet: { type: 'boolean', hint: '', help: 'print nothing but what is shown once' },
} as const

type FlagName = keyof typeof RELAY_FLAGS

/** What a coordination node without blocks does not have. Its two ports are UDP and TCP; the others stay closed. */
const RELAY_ONLY_FLAGS: readonly FlagName[] = ['mine-share', 'page-origin', 'tls-cert', 'tls-key']

interface Environment {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

/** Reads flags and config file; flags win. Rejections carry one sentence for a person. */
export function readRelayConfig(args: readonly string[], environment: Environment): Result<RelayConfig, ConfigCode> {
  const flags = parseFlags(args, RELAY_FLAGS)
  if (!flags.ok) return flags
  if (flags.value.positionals.length > 0)
    return reject('unknown-flag', `"${flags.value.positionals[0]}" is not understood here; see "lares help".`)
  return resolveConfig(flags.value.values, environment)
}

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly hint: string
  readonly help: string
}

export interface ParsedFlags {
  readonly values: Readonly<Record<string, Setting>>
  readonly positionals: readonly string[]
}

/** node:util parseArgs, with a sentence instead of an exception. */
export function parseFlags(
  args: readonly string[],
  flags: Readonly<Record<string, Flag>>,
): Result<ParsedFlags, 'unknown-flag' | 'bad-value'> {
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]))
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const values: Record<string, Setting> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined
    if (flag === undefined) return reject('unknown-flag', `There is no flag ${token.rawName}; see "lares help".`)
    if (flag.type === 'boolean') {
      if (token.value !== undefined) return reject('bad-value', `--${token.name} takes no value.`)
      values[token.name] = true
    } else {
      // Without "=", the value could be the next flag by mistake.
      if (token.value === undefined || (token.inlineValue === false && token.value.startsWith('--')))
        return reject('bad-value', `--${token.name} needs a value: --${token.name} ${flag.hint}.`)
      values[token.name] = token.value
    }
  }
  return accept({ values, positionals })
}

function resolveConfig(
  flags: Readonly<Record<string, Setting>>,
  { env, cwd }: Environment,
): Result<RelayConfig, ConfigCode> {
  const dataDir = resolve(cwd, (flags['data-dir'] as string | undefined) ?? defaultDataDir(env))
  const configPath = flags['config'] as string | undefined
  const file = readConfigFile(
    configPath === undefined ? join(dataDir, CONFIG_FILE) : resolve(cwd, configPath),
    configPath !== undefined,
  )
  if (!file.ok) return file
  const settings: Readonly<Record<string, Setting>> = { ...file.value, ...flags }
  // A path in a config file is relative to where the command runs, like one on the command line.
  const text = (name: FlagName) => settings[name] as string | undefined

  const failures: Rejection<ConfigCode>[] = []
  const take = <Value>(result: Result<Value, ConfigCode>, otherwise: Value): Value => {
    if (result.ok) return result.value
    failures.push(result)
    return otherwise
  }
  const port = (name: FlagName, otherwise: number) => take(parsePort(name, text(name), otherwise), otherwise)
  const config: RelayConfig = {
    dataDir,
    port: port('port', DEFAULT_PORT),
    udpPort: port('udp-port', DEFAULT_UDP_PORT),
    wsPort: port('ws-port', DEFAULT_WS_PORT),
    tcpPort: port('tcp-port', DEFAULT_TCP_PORT),
    listen: take(parseListen(text('listen')), []),
    peers: take(parsePeers(text('peers')), []),
    announce: take(parseAnnounce(text('announce')), []),
    roles: take(parseRoles(text('roles')), []),
    network: take(parseNetwork(text('network') ?? 'home', cwd), { kind: 'preset', preset: 'home' }),
    join: take(parseJoin(text('join')), undefined),
    mineShare: take(parseShare(text('mine-share')), 0),
    name: take(parseName(text('name')), ''),
    pageOrigin: take(parseOrigin(text('page-origin')), undefined),
    metrics: take(parseMetrics(text('metrics-listen'), text('port') === '0' ? 0 : DEFAULT_METRICS_PORT), undefined),
    logLevel: take(oneOf('log-level', text('log-level') ?? 'info', LOG_LEVELS), 'info'),
    logTo: take(oneOf('log-to', text('log-to') ?? 'file', ['file', 'stderr'] as const), 'file'),
    quiet: settings['quiet'] === true,
    revocation: folderOf(text('revocation'), cwd),
    tls: take(parseTls(text('tls-cert'), text('tls-key'), cwd), undefined),
  }
  return failures[0] ?? checkRoles(config, settings) ?? checkPorts(config)
}

/** JSON object with the names of the flags; numbers and lists may be written as such. */
function readConfigFile(path: string, required: boolean): Result<Record<string, Setting>, ConfigCode> {
  const content = readJsonObject(path)
  if (content === 'absent') {
    if (!required) return accept({})
    return reject('bad-config-file', `There is no config file ${path}.`)
  }
  if (content === 'damaged')
    return reject('bad-config-file', `The config file ${path} is not a JSON object; correct it.`)
  const settings: Record<string, Setting> = {}
  for (const [name, value] of Object.entries(content)) {
    const flag = Object.hasOwn(RELAY_FLAGS, name) ? RELAY_FLAGS[name as FlagName] : undefined
    if (flag === undefined || name === 'data-dir' || name === 'config')
      return reject(
        'bad-config-file',
        `The config file ${path} has a setting "${name}" that does not exist; remove it.`,
      )
    if (flag.type === 'boolean' ? typeof value !== 'boolean' : !isTextual(value))
      return reject('bad-config-file', `The config file ${path} has a wrong value for "${name}"; correct it.`)
    settings[name] = flag.type === 'boolean' ? (value as boolean) : String(value)
  }
  return accept(settings)
}

/** Lists turn into the comma form of the flags. */
function isTextual(value: unknown): boolean {
  return (
    ['string', 'number'].includes(typeof value) ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  )
}

function parsePort(name: string, text: string | undefined, otherwise: number): Result<number, ConfigCode> {
  if (text === undefined) return accept(otherwise)
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    return reject('bad-value', `--${name} must be a port from 0 to 65535, not "${text}".`)
  return accept(Number(text))
}

/** A setting that would do nothing is a mistake of whoever wrote it. */
function checkRoles(
  { roles }: RelayConfig,
  settings: Readonly<Record<string, Setting>>,
): Rejection<ConfigCode> | undefined {
  if (roles.includes('full')) return undefined
  const idle = RELAY_ONLY_FLAGS.find((name) => settings[name] !== undefined)
  return idle === undefined
    ? undefined
    : reject('bad-value', `--${idle} is for a full relay; a coordination node alone has no mining and no page.`)
}

function checkPorts(config: RelayConfig): Result<RelayConfig, ConfigCode> {
  const taken = new Map<number, string>()
  for (const [flag, port] of [
    ['port', config.port],
    ['ws-port', config.wsPort],
    ['tcp-port', config.tcpPort],
  ] as const) {
    const other = taken.get(port)
    if (port !== 0 && other !== undefined)
      return reject('bad-value', `--${other} and --${flag} are both ${port}; they must differ.`)
    taken.set(port, flag)
  }
  return accept(config)
}

function parsePeers(value: string | undefined): Result<readonly string[], ConfigCode> {
  const addresses = (value ?? '').split(',').filter(Boolean)
  if (addresses.length > MAX_CONFIGURED_PEERS)
    return reject('bad-value', `--peers takes at most ${MAX_CONFIGURED_PEERS} addresses.`)
  const wrong = addresses.find((address) => peerOf(address) === undefined)
  return wrong === undefined
    ? accept(addresses)
    : reject('bad-value', `--peers must be multiaddrs with a peer ID (/ip4/…/tcp/…/p2p/…), not "${wrong}".`)
}

function parseAnnounce(text: string | undefined): Result<readonly string[] | 'off', ConfigCode> {
  if (text === 'off') return accept('off')
  const addresses = (text ?? '').split(',').filter(Boolean)
  if (addresses.length > MAX_ADDRESSES)
    return reject('bad-value', `--announce takes at most ${MAX_ADDRESSES} addresses.`)
  const wrong = addresses.find((address) => !isAnnounceable(address))
  return wrong === undefined
    ? accept([...new Set(addresses)])
    : reject(
        'bad-value',
        `--announce must be off, or multiaddrs without a peer ID (/ip4/…/tcp/4673, /dns4/…/udp/4671/webrtc-direct), not "${wrong}".`,
      )
}

function isAnnounceable(address: string): boolean {
  const parts =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/\s]+)\/(?:tcp\/(\d{1,5})(?:\/ws|\/tls\/ws|\/wss)?|udp\/(\d{1,5})\/webrtc-direct)$/.exec(
      address,
    )
  if (parts === null || address.length > MAX_ANNOUNCED_LENGTH) return false
  const [, family, host = '', tcp, udp] = parts
  const port = Number(tcp ?? udp)
  const wanted = family === 'ip4' ? 4 : family === 'ip6' ? 6 : 0
  return port > 0 && port <= 65_535 && isIP(host) === wanted && /^[!-~]+$/.test(host)
}

function parseListen(text: string | undefined): Result<readonly string[], ConfigCode> {
  if (text === undefined) return accept(['0.0.0.0', '::'])
  const addresses = text.split(',').map((address) => address.trim())
  for (const address of addresses)
    if (isIP(address) === 0) return reject('bad-value', `--listen must be IP addresses of this PC, not "${address}".`)
  return accept([...new Set(addresses)])
}

function parseRoles(text: string | undefined): Result<readonly Role[], ConfigCode> {
  if (text === undefined) return accept(ROLES)
  const roles: Role[] = []
  for (const item of text.split(',')) {
    const role = ROLES.find((known) => known === item.trim())
    if (role === undefined) return reject('bad-value', `--roles knows full and coordination, not "${item}".`)
    if (!roles.includes(role)) roles.push(role)
  }
  return accept(roles)
}

function parseNetwork(text: string, cwd: string): Result<NetworkChoice, ConfigCode> {
  if (Object.hasOwn(PRESETS, text)) return accept({ kind: 'preset', preset: text as PresetName })
  const path = isAbsolute(text) ? text : resolve(cwd, text)
  const content = readJsonObject(path)
  if (content === 'absent')
    return reject(
      'unknown-network-file',
      `--network must be home, test or a network file, and there is no file ${path}.`,
    )
  if (content === 'damaged')
    return reject(
      'unknown-network-file',
      `${path} is not a network file (it must be a JSON object); ask the owner of the network for it.`,
    )
  return accept({ kind: 'file', path, content })
}

function parseJoin(text: string | undefined): Result<JoinLink | undefined, ConfigCode> {
  if (text === undefined) return accept(undefined)
  const read = parseJoinLink(text)
  return read.ok ? accept(read.value.link) : reject('bad-value', `--join needs a join link: ${read.detail}.`)
}

function parseShare(text: string | undefined): Result<number, ConfigCode> {
  if (text === undefined) return accept(DEFAULT_MINE_SHARE)
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(share >= 0 && share <= 1)) return reject('bad-value', `--mine-share must be from 0 to 1, not "${text}".`)
  return accept(share)
}

function parseName(text: string | undefined): Result<string, ConfigCode> {
  const name = (text ?? DEFAULT_NAME).toLowerCase().replace(/\.local$/, '')
  if (!NAME_PATTERN.test(name))
    return reject('bad-value', `--name must be letters, digits and hyphens, 42 at most, not "${text}".`)
  return accept(name)
}

function parseOrigin(text: string | undefined): Result<string | undefined, ConfigCode> {
  if (text === undefined) return accept(undefined)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const secure =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(url.hostname))
  if (url === undefined || !secure || url.search !== '' || url.hash !== '' || url.username !== '')
    return reject('bad-value', `--page-origin must be an https:// address without "?" and "#", not "${text}".`)
  return accept(url.origin + url.pathname.replace(/\/+$/, ''))
}

function parseMetrics(text: string | undefined, defaultPort: number): Result<RelayConfig['metrics'], ConfigCode> {
  if (text === undefined) return accept({ host: '127.0.0.1', port: defaultPort, asked: false })
  if (text === 'off') return accept(undefined)
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  const address = host.replace(/^\[(.*)\]$/, '$1')
  if (isIP(address) === 0 || Number(port) > 65_535)
    return reject('bad-value', `--metrics-listen must be an IP address and a port, or off, not "${text}".`)
  return accept({ host: address, port: Number(port), asked: true })
}

function parseTls(
  cert: string | undefined,
  key: string | undefined,
  cwd: string,
): Result<RelayConfig['tls'], ConfigCode> {
  if (cert === undefined && key === undefined) return accept(undefined)
  if (cert === undefined || key === undefined)
    return reject('bad-value', '--tls-cert and --tls-key belong together; give both or none.')
  return accept({ certFile: resolve(cwd, cert), keyFile: resolve(cwd, key) })
}

function oneOf<Value extends string>(name: string, text: string, values: readonly Value[]): Result<Value, ConfigCode> {
  const value = values.find((known) => known === text)
  return value === undefined
    ? reject('bad-value', `--${name} must be one of ${values.join(', ')}, not "${text}".`)
    : accept(value)
}

function readJsonObject(path: string): Record<string, unknown> | 'absent' | 'damaged' {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? 'absent' : 'damaged'
  }
  if (text.length > MAX_FILE_BYTES) return 'damaged'
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : 'damaged'
  } catch {
    return 'damaged'
  }
}

function folderOf(path: string | undefined, cwd: string): string | undefined {
  return path === undefined ? undefined : resolve(cwd, path)
}
