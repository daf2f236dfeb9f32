import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { createAuthority, issueLeaf, type KeyAndCertificate, LEAF_DAYS, permittedHosts } from './authority.ts'

const DAY_MS = 24 * 3_600_000
/** A leaf is replaced this long before its end. */
export const RENEW_BEFORE_MS = 30 * DAY_MS
/** How often end and addresses are looked at. */
export const CHECK_INTERVAL_MS = 10 * 60_000
/** A CA that would cut a leaf's life short is made anew (phones have to trust it again, after some nineteen years). */
const AUTHORITY_REST_MS = LEAF_DAYS * DAY_MS

const AUTHORITY_FILES = { key: 'ca.key', cert: 'ca.crt' } as const
const LEAF_FILES = { key: 'relay.key', cert: 'relay.crt' } as const

export interface CertificateStoreInit {
  /** Directory that only the owner may enter. */
  readonly directory: string
  /** Shown in the authority's name. */
  readonly name: string
  /** Names and addresses under which the relay is reached now. */
  hosts(): readonly string[]
  now(): number
  /** Calls a task once after a delay; returns a canceller. */
  after(delayMs: number, task: () => void): () => void
  log(message: string, error?: unknown): void
  /** A sentence for the person at the relay. */
  notice?(sentence: string): void
}

export interface ServerCertificate extends KeyAndCertificate {
  /** SHA-256 of the certificate, as browsers show it. */
  readonly fingerprint: string
  /** ms since the Unix epoch. */
  readonly notAfter: number
}

export interface CertificateStore {
  current(): ServerCertificate
  /** The home CA for phones to trust, PEM; undefined with a certificate brought along. */
  readonly authority: string | undefined
  /** Calls back with each new certificate. Returns the unsubscriber. */
  onChange(listener: (certificate: ServerCertificate) => void): () => void
  /** Looks now whether the certificate must be renewed: after a change of name or addresses. */
  check(): Promise<void>
  stop(): void
}

/**
 * The relay's own certificates: a CA kept for years and a leaf issued from it, again when addresses change or its end
 * comes near. Key files are readable by their owner alone. Damaged files are made anew; an authority's
 * stay aside, since every phone of the home trusts it.
 */
export async function openCertificateStore(init: CertificateStoreInit): Promise<CertificateStore> {
  const { directory, now, log } = init
  const listeners = new Set<(certificate: ServerCertificate) => void>()
  let cancel = () => {}
  let stopped = false
  let checking: Promise<void> | undefined

  let authority = readPair(directory, AUTHORITY_FILES)
  if (authority === undefined || now() > endOf(authority) - AUTHORITY_REST_MS) {
    if (putAside(directory, AUTHORITY_FILES))
      init.notice?.(
        `The certificate authority of this home was damaged or near its end, and was made anew (the old one: ${join(directory, AUTHORITY_FILES.cert)}.before). Phones must install it again: docs/PHONES.md.`,
      )
    authority = await createAuthority(init.name, now())
    writePair(directory, AUTHORITY_FILES, authority)
    log('made a certificate authority')
  }
  const kept = authority
  let leaf = readPair(directory, LEAF_FILES)
  await renewIfNeeded()
  schedule()

  function needsNewLeaf(): boolean {
    if (leaf === undefined) return true
    const certificate = new X509Certificate(leaf.cert)
    const issuer = new X509Certificate(kept.cert)
    if (!certificate.verify(issuer.publicKey)) return true
    if (now() > endOf(leaf) - RENEW_BEFORE_MS || now() < Date.parse(certificate.validFrom)) return true
    // An address that went may come back (a laptop between two networks): only a missing one is a reason.
    // Node throws when it is asked for the address of a name.
    return permittedHosts(init.hosts()).some(
      (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) === undefined,
    )
  }

  async function renewIfNeeded(): Promise<void> {
    if (!needsNewLeaf()) return
    leaf = await issueLeaf(kept, init.hosts(), now())
    writePair(directory, LEAF_FILES, leaf)
    log('issued a server certificate')
    const certificate = describe(leaf)
    for (const listener of listeners) listener(certificate)
  }

  function check(): Promise<void> {
    checking ??= renewIfNeeded()
      .catch((error) => log('could not renew the server certificate', error))
      .finally(() => {
        checking = undefined
      })
    return checking
  }

  function schedule(): void {
    cancel = init.after(CHECK_INTERVAL_MS, () => {
      void check().then(() => {
        if (!stopped) schedule()
      })
    })
  }

  return {
    authority: kept.cert,
    current: () => describe(leaf as KeyAndCertificate),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    check,
    stop() {
      stopped = true
      cancel()
    },
  }
}

/**
 * A certificate brought along, PEM files (the chain, leaf first).
 * @throws {LaresError} `bad-certificate` with a sentence
 */
export function readBroughtCertificate(certFile: string, keyFile: string): CertificateStore {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      throw new LaresError(
        'bad-certificate',
        `The certificate file ${path} cannot be read; check --tls-cert and --tls-key.`,
      )
    }
  }
  const pair = { cert: read(certFile), key: read(keyFile) }
  if (!isUsable(pair))
    throw new LaresError(
      'bad-certificate',
      `${certFile} and ${keyFile} are no PEM certificate and its key; check --tls-cert and --tls-key.`,
    )
  const certificate = describe(pair)
  return {
    authority: undefined,
    current: () => certificate,
    onChange: () => () => {},
    check: async () => {},
    stop: () => {},
  }
}

function describe(pair: KeyAndCertificate): ServerCertificate {
  return { ...pair, fingerprint: new X509Certificate(pair.cert).fingerprint256, notAfter: endOf(pair) }
}

function endOf(pair: KeyAndCertificate): number {
  return Date.parse(new X509Certificate(pair.cert).validTo)
}

function isUsable(pair: KeyAndCertificate): boolean {
  try {
    createSecureContext(pair)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch {
    return false
  }
}

function readPair(directory: string, files: { key: string; cert: string }): KeyAndCertificate | undefined {
  try {
    const pair = {
      key: readFileSync(join(directory, files.key), 'utf8'),
      cert: readFileSync(join(directory, files.cert), 'utf8'),
    }
    return isUsable(pair) ? pair : undefined
  } catch {
    return undefined
  }
}

/** @returns whether there was anything */
function putAside(directory: string, files: { key: string; cert: string }): boolean {
  const there = [files.key, files.cert].map((name) => join(directory, name)).filter((path) => existsSync(path))
  for (const path of there) renameSync(path, `${path}.before`)
  return there.length > 0
}

/** A kill between the two leaves a pair that does not fit together, which is made anew. */
function writePair(directory: string, files: { key: string; cert: string }, pair: KeyAndCertificate): void {
  writeFileAtomic(join(directory, files.key), pair.key)
  writeFileAtomic(join(directory, files.cert), pair.cert)
}
