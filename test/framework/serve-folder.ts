/** A static web host on loopback, as any HTTPS host would be (loopback is a secure context without a certificate). */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
}

export interface ServedFolder {
  /** Ends in the base path. */
  readonly url: string
  /** Serves this text in place of a file from now on, by its path below the folder. */
  replace(file: string, text: string): void
  /** While down, connections are dropped. */
  setDown(down: boolean): void
  stop(): Promise<void>
}

/** @param basePath where the folder appears, `/some/where/` */
export async function serveFolder(folder: string, basePath = '/'): Promise<ServedFolder> {
  const replaced = new Map<string, string>()
  let isDown = false

  const server = createServer(async (request, response) => {
    if (isDown) {
      request.socket.destroy()
      return
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const below = path.posix.normalize(pathname.slice(basePath.length) || 'index.html')
    const content = replaced.get(below) ?? (await readFile(path.join(folder, below)).catch(() => undefined))
    if (!pathname.startsWith(basePath) || below.startsWith('..') || content === undefined) response.writeHead(404).end()
    else
      response
        .writeHead(200, { 'content-type': TYPES[path.extname(below)] ?? 'text/plain', 'cache-control': 'no-cache' })
        .end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${basePath}`,
    replace: (file, text) => void replaced.set(file, text),
    setDown(down) {
      isDown = down
      if (down) server.closeAllConnections()
    },
    stop() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
