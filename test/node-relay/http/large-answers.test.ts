import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { createLargeAnswers } from '../../../node-relay/http/large-answers.ts'

/** A server whose answers are far longer than a socket holds, and readers that do not read. */
async function serve(answers: ReturnType<typeof createLargeAnswers>) {
  const refused: ServerResponse[] = []
  const taken: ServerResponse[] = []
  const server = createServer((_request, response) => {
    if (!answers.enter(response)) {
      refused.push(response)
      response.writeHead(503).end()
      return
    }
    taken.push(response)
    response.end(Buffer.alloc(64 * 1024 * 1024))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async () => {
    const arrived = once(server, 'request')
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await arrived
    return socket
  }
  return { server, ask, taken, refused }
}

test('only so many at once, until a reader has gone', async () => {
  const { server, ask, taken, refused } = await serve(createLargeAnswers({ limit: 2 }))
  const first = await ask()
  const second = await ask()
  const third = await ask()
  expect([taken.length, refused.length]).toEqual([2, 1])
  const gone = once(taken[0] as ServerResponse, 'close')
  first.destroy()
  await gone
  const fourth = await ask()
  expect([taken.length, refused.length]).toEqual([3, 1])
  for (const socket of [second, third, fourth]) socket.destroy()
  server.closeAllConnections()
  server.close()
})

test('a reader that does not read loses its place in time', async () => {
  const { server, ask, taken } = await serve(createLargeAnswers({ limit: 1, timeoutMs: 50 }))
  const socket = await ask()
  await once(taken[0] as ServerResponse, 'close')
  const next = await ask()
  expect(taken).toHaveLength(2)
  for (const one of [socket, next]) one.destroy()
  server.closeAllConnections()
  server.close()
})
