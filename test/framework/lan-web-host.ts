/** The static page's own host: HTTPS, on another address than the relay, knowing nothing of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createAuthority, issueLeaf } from '../../node-relay/tls/authority.ts'

const CHILD = fileURLToPath(new URL('lan-web-host-child.ts', import.meta.url))

/** What the child is told. */
export interface LanWebHostInit {
  readonly folder: string
  readonly address: string
  readonly key: string
  readonly cert: string
}

/** What it tells. */
export interface LanWebHostPorts {
  readonly port: number
  readonly plainPort: number
}

export interface LanWebHost extends LanWebHostPorts {
  /** The authority that a browser must trust, PEM. */
  readonly authority: string
  stop(): Promise<void>
}

/** @param prefix runs before the program, e.g. `['ip', 'netns', 'exec', 'relay']` */
export async function startLanWebHost(
  prefix: readonly string[],
  folder: string,
  address: string,
  name: string,
): Promise<LanWebHost> {
  const authority = await createAuthority('web host', Date.now())
  const init: LanWebHostInit = { folder, address, ...(await issueLeaf(authority, [name], Date.now())) }
  const [command = '', ...args] = [...prefix, process.execPath, CHILD, JSON.stringify(init)]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const said = await Promise.race([once(child.stdout, 'data'), exited])
  if (child.exitCode !== null) throw new Error(`the web host ended with ${child.exitCode}`)
  return {
    ...(JSON.parse(String(said[0])) as LanWebHostPorts),
    authority: authority.cert,
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}
