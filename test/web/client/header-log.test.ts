/** How headers are packed: the restart point and chunks, reorganizations across them, and the cap. */
import { describe, expect, it } from 'vitest'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { headersCodec } from '../../../shared/protocol/messages.ts'
import { decodeStartPoint } from '../../../shared/sync/start-point.ts'
import { CHUNK_HEADERS, HeaderLog, MAX_RECENT_HEADERS, MAX_STORED_HEADERS } from '../../../web/client/header-log.ts'
import type { ChainWrite } from '../../../web/store/local-store.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

const { first } = new ChainBuilder()

/** Headers that only their place tells apart: the log packs them, others validate. */
function nodesFrom(height: number, count: number, branch = 'main', parentId?: string): ChainNode[] {
  return Array.from({ length: count }, (_, i) => {
    const at = height + i
    const { header, seal } = first.node.sealed
    return {
      ...first.node,
      height: at,
      id: `${branch} ${at}`,
      parentId: i === 0 ? (parentId ?? (at === 1 ? first.node.id : `${branch} ${at - 1}`)) : `${branch} ${at - 1}`,
      hash: new Uint8Array(32).fill(at % 251),
      sealed: { header: { ...header, height: at }, seal },
    }
  })
}

/** A log and a database of what it says to write: how many headers from which height. */
function openLog() {
  const known = new Map<string, ChainNode>([[first.node.id, first.node]])
  const log = new HeaderLog({ node: first.node, start: Uint8Array.of(1) }, (id) => known.get(id))
  const chunks = new Map<number, number>()
  let recent = 0
  const countOf = (items: Uint8Array) => new DataView(items.buffer, items.byteOffset).getUint16(0)
  return {
    log,
    chunks,
    get recent() {
      return recent
    },
    get total() {
      return [...chunks.values()].reduce((sum, count) => sum + count, recent)
    },
    apply(nodes: readonly ChainNode[], settled = 0): ChainWrite {
      for (const node of nodes) known.set(node.id, node)
      const write = log.apply(nodes, settled)
      for (const chunk of write.remove) chunks.delete(chunk)
      for (const { first: at, items } of write.put) chunks.set(at, countOf(items))
      recent = countOf(write.restart.items)
      return write
    },
  }
}

describe('header log', () => {
  it('keeps new headers in the restart point, and moves the older ones into a chunk when there are many', () => {
    const database = openLog()
    expect(database.apply(nodesFrom(1, MAX_RECENT_HEADERS)).put).toEqual([])
    expect(database.recent).toBe(MAX_RECENT_HEADERS)
    const write = database.apply(nodesFrom(MAX_RECENT_HEADERS + 1, 1))
    expect(write.put.map((chunk) => chunk.first)).toEqual([1])
    expect(database.chunks).toEqual(new Map([[1, CHUNK_HEADERS]]))
    expect(database.recent).toBe(MAX_RECENT_HEADERS - CHUNK_HEADERS + 1)
    // A chunk is written once.
    expect(database.apply(nodesFrom(MAX_RECENT_HEADERS + 2, 1)).put).toEqual([])
    expect(database.log.count).toBe(MAX_RECENT_HEADERS + 2)
    expect(write.restart).toMatchObject({ height: MAX_RECENT_HEADERS + 1, floor: 1 })
  })

  it('goes on from the header before the restart point, which stays small', async () => {
    const chain = new ChainBuilder()
    const length = MAX_RECENT_HEADERS + 1
    await chain.mineMany(length)
    const log = new HeaderLog({ node: first.node, start: Uint8Array.of(1) }, (id) => chain.blocks.get(id)?.node)
    const { restart, put } = log.apply(
      chain.from(1).map(({ node }) => node),
      0,
    )
    expect(put.map((chunk) => chunk.first)).toEqual([1])
    expect(decodeStartPoint(restart.start)).toMatchObject({
      ok: true,
      value: { id: chain.at(CHUNK_HEADERS).node.id },
    })
    expect(headersCodec.decode(restart.items)).toMatchObject({
      ok: true,
      value: { items: { length: length - CHUNK_HEADERS } },
    })
    expect(restart.start.length + restart.items.length).toBeLessThan(50_000)
  }, 60_000)

  it('cuts a reorganization out of restart point and chunks, at and beside their borders', () => {
    const length = 2 * CHUNK_HEADERS + MAX_RECENT_HEADERS - 10
    for (const from of [length, 2 * CHUNK_HEADERS + 2, 2 * CHUNK_HEADERS + 1, 2 * CHUNK_HEADERS, CHUNK_HEADERS, 2, 1]) {
      const database = openLog()
      database.apply(nodesFrom(1, length))
      const parentId = from === 1 ? first.node.id : `main ${from - 1}`
      const write = database.apply(nodesFrom(from, 3, 'fork', parentId))
      expect(database.log.tip.height).toBe(from + 2)
      expect(database.log.count).toBe(from + 2)
      expect(database.total, `from ${from}`).toBe(from + 2)
      expect(database.log.firsts).toEqual([...database.chunks.keys()])
      expect(write.restart.height).toBe(from + 2)
      // And it goes on from there as before.
      database.apply(nodesFrom(from + 3, 2 * CHUNK_HEADERS, 'fork'))
      expect(database.total, `from ${from}`).toBe(from + 2 + 2 * CHUNK_HEADERS)
    }
  })

  it('drops the oldest chunks beyond the cap, but nothing that is not settled', () => {
    const { chunks, apply, log } = openLog()
    const count = MAX_STORED_HEADERS + CHUNK_HEADERS
    apply(nodesFrom(1, count), CHUNK_HEADERS)
    expect(log.count).toBe(count)
    const write = apply(nodesFrom(count + 1, 1), count - 5)
    expect(write.remove).toEqual([1])
    expect(write.restart.floor).toBe(CHUNK_HEADERS + 1)
    expect(log.count).toBe(MAX_STORED_HEADERS + 1)
    expect(Math.min(...chunks.keys())).toBe(CHUNK_HEADERS + 1)
  })

  it('goes on after all chunks were let go, even below them', () => {
    const { apply, log } = openLog()
    apply(nodesFrom(1, 2 * MAX_RECENT_HEADERS))
    const before = log.rewrite().restart
    log.trim()
    const held = log.count
    expect(held).toBeLessThanOrEqual(MAX_RECENT_HEADERS)
    expect(log.floor).toBe(2 * MAX_RECENT_HEADERS - held + 1)
    expect(log.rewrite()).toEqual({ restart: { ...before, floor: log.floor }, put: [], remove: [] })
    const from = log.floor - 10
    apply(nodesFrom(from, 3, 'fork', `main ${from - 1}`))
    expect(log.count).toBe(3)
    expect(log.rewrite().restart).toMatchObject({ height: from + 2, floor: from })
  })

  it('refuses headers that leave a gap', () => {
    const { apply } = openLog()
    expect(() => apply(nodesFrom(3, 1))).toThrow('header 3 after 0')
  })
})
