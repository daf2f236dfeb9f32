import { createSocket } from 'node:dgram'
import { createServer, isIPv6 } from 'node:net'
import { LaresError } from '../shared/errors.ts'

export interface PortWish {
  readonly protocol: 'TCP' | 'UDP'
  readonly port: number
  /** The flag that changes it. */
  readonly flag: string
}

/**
 * Tries ports before anything is founded or stored, since a first start that fails later would have shown its recovery
 * words for nothing.
 * @throws {LaresError} `port-busy`, with a sentence
 */
export async function assertPortsFree(hosts: readonly string[], wishes: readonly PortWish[]): Promise<void> {
  for (const { protocol, port, flag } of wishes) {
    for (const host of hosts) {
      const code = await portProblem(protocol, host, port)
      if (code === 'EADDRINUSE')
        throw new LaresError(
          'port-busy',
          `${protocol} port ${port} is used by another program; stop it, or choose another with --${flag}.`,
        )
      if (code === 'EACCES')
        throw new LaresError(
          'cannot-listen',
          `This user may not use ${protocol} port ${port}; choose one above 1023 with --${flag}.`,
        )
    }
  }
}

/** The system's error code when a port cannot be listened on; undefined when it can. */
export function portProblem(protocol: 'TCP' | 'UDP', host: string, port: number): Promise<string | undefined> {
  if (port === 0) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const ipv6Only = isIPv6(host)
    const failed = (error: NodeJS.ErrnoException) => resolve(error.code)
    if (protocol === 'UDP') {
      const socket = createSocket({ type: ipv6Only ? 'udp6' : 'udp4', ipv6Only })
      socket.once('error', failed)
      socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(undefined)))
    } else {
      const server = createServer()
      server.once('error', failed)
      server.listen({ port, host, ipv6Only, exclusive: true }, () => server.close(() => resolve(undefined)))
    }
  })
}
