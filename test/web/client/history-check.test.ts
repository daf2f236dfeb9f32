/** How far down stored headers are looked for. */
import { expect, it, vi } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { ChainNode, ChainRules } from '../../../shared/chain/chain-node.ts'
import { HeaderLog, type LogBase } from '../../../web/client/header-log.ts'
import { HistoryCheck } from '../../../web/client/history-check.ts'

const at = (height: number): LogBase => ({
  node: { height, id: `header ${height}`, hash: new Uint8Array(32) } as ChainNode,
  start: new Uint8Array(),
})

/** All that is stored is a restart point at a height; nothing says how far down the rest went. */
function check(height: number) {
  const fetch = vi.fn(async () => undefined)
  const log = new HeaderLog(at(height), () => undefined, [], 1)
  const history = new HistoryCheck({
    log,
    base: at(height),
    origin: at(0),
    rules: {} as ChainRules,
    verifier: createNodeVerifier(),
    readChunk: async () => undefined,
    fetch,
    write: () => {},
    onChecked: () => {},
    onDamage: () => {},
    isStopped: () => false,
  })
  return { history, log, fetch }
}

it('does not fetch a whole long chain for chunks that are gone', async () => {
  const { history, log, fetch } = check(200_000)
  expect(await history.run()).toBe(true)
  expect(fetch).not.toHaveBeenCalled()
  expect(log.floor).toBe(200_001)
})

it('asks for what would be kept', async () => {
  const { history, fetch } = check(9_000)
  expect(await history.run()).toBe(false)
  expect(fetch).toHaveBeenCalledWith(expect.objectContaining({ height: 0 }), 1_000)
})
