/**
 * A static web host, HTTPS on an address of its machine and plain HTTP on loopback, until standard input ends. Started
 * by `startLanWebHost`.
 */
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'
import type { LanWebHostInit, LanWebHostPorts } from './lan-web-host.ts'
import { serveFolder } from './serve-folder.ts'

const { folder, address, key, cert } = JSON.parse(process.argv[2] ?? '{}') as LanWebHostInit
const plain = await serveFolder(folder)
const { port: plainPort } = new URL(plain.url)
const server = createServer({ key, cert }, (socket) => {
  const behind = connect(Number(plainPort), '127.0.0.1')
  socket.pipe(behind).pipe(socket)
  socket.on('error', () => behind.destroy())
  behind.on('error', () => socket.destroy())
})
server.listen(0, address, () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(JSON.stringify({ port, plainPort: Number(plainPort) } satisfies LanWebHostPorts))
})
process.stdin.resume().on('end', () => process.exit())
