/** Ports that are free now, for relays that must come back at the same address. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

function freeTcpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4').once('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

/** Flags of `lares start` with fixed ports. */
export async function fixedPortFlags(): Promise<string[]> {
  const [port, ws, tcp, udp] = await Promise.all([freeTcpPort(), freeTcpPort(), freeTcpPort(), freeUdpPort()])
  return [
    ...['--port', String(port)],
    ...['--ws-port', String(ws)],
    ...['--tcp-port', String(tcp)],
    ...['--udp-port', String(udp)],
  ]
}
