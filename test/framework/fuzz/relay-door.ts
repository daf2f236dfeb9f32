/** A real relay's doors for the fuzzer: the HTTP app, the admin socket and the port that tells TLS from plain HTTP. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAdminSocket } from '../../../node-relay/http/admin.ts'
import { adminSocketPath } from '../../../node-relay/http/admin-socket.ts'
import { createHttpApp } from '../../../node-relay/http/app.ts'
import { OPENAPI } from '../../../node-relay/http/openapi.ts'
import { openPort } from '../../../node-relay/http/port.ts'
import { createLog } from '../../../node-relay/log.ts'
import { createRelay } from '../../../node-relay/relay.ts'
import { createAuthority, issueLeaf } from '../../../node-relay/tls/authority.ts'
import { LaresError } from '../../../shared/errors.ts'
import { PRESETS } from '../../../shared/params.ts'

/** Of one core: the relay must make blocks, not heat. */
const MINE_SHARE = 0.02
/** Its own registration takes some blocks of a second. */
const REGISTERED_MS = 60_000
/** The rate limit's clock runs ahead by so much with each look, ms: no input is refused for being one of many. */
const UNLIMITED_STEP_MS = 60_000
const FIRST_BYTE_MS = 1_000

export type RelayDoor = Awaited<ReturnType<typeof openRelayDoor>>

export async function openRelayDoor() {
  const root = mkdtempSync(join(tmpdir(), 'lares-fuzz-'))
  const dataDir = join(root, 'data')
  const webRoot = join(root, 'web')
  for (const folder of [dataDir, webRoot]) mkdirSync(folder)
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Lares</title>')
  const logFile = join(root, 'errors.log')
  const log = createLog({ level: 'error', destination: { file: logFile } })
  const relay = await createRelay({
    ...{ dataDir, version: 'test', parameters: PRESETS.test, roles: ['full', 'coordination'], name: 'fuzz' },
    ...{ mineShare: MINE_SHARE, hosts: ['127.0.0.1'], udpPort: 0, wsPort: undefined, tcpPort: undefined, log },
    onOwnerWords: () => {},
  })
  const end = Date.now() + REGISTERED_MS
  while (relay.facade.status().deviceId === undefined) {
    if (Date.now() > end) throw new Error('the relay was not registered in time')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }

  const authority = await createAuthority('fuzz', Date.now())
  const certificate = await issueLeaf(authority, ['localhost', '127.0.0.1'], Date.now())
  let time = 0
  const app = await createHttpApp({
    facade: relay.facade,
    webRoot,
    authority: authority.cert,
    log,
    now: () => {
      time += UNLIMITED_STEP_MS
      return time
    },
  })
  const port = await openPort({
    hosts: ['127.0.0.1'],
    port: 0,
    certificate,
    handler: app.routing,
    limits: { firstByteTimeoutMs: FIRST_BYTE_MS },
  })
  const doors = { port: port.port, urls: [], joinUrl: 'https://localhost/#join=' }
  const admin = await openAdminSocket({
    // A backup reads the whole database: not for thousands of requests.
    facade: {
      ...relay.facade,
      async backup() {
        throw new LaresError('busy', 'No backup is made of a relay that is fuzzed.')
      },
    },
    dataDir,
    doors: () => doors,
    ports: { tcp: [], udp: [] },
  })
  return {
    relay,
    app,
    admin,
    paths: OPENAPI.paths,
    port: port.port,
    socketPath: adminSocketPath(dataDir),
    /** The relay's own small files, by name. */
    files: () =>
      readdirSync(dataDir, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => ({ name, bytes: new Uint8Array(readFileSync(join(dataDir, name))) })),
    /** Lines of the log with errors. */
    errors: () => readFileSync(logFile, 'utf8').split('\n').filter(Boolean),
    async close() {
      await admin.close()
      await port.close()
      await app.close()
      await relay.stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
