/** How headers are packed: chunks, reorganizations across them, and the cap. */
import { describe, expect, it } from 'vitest'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { CHUNK_HEADERS, HeaderLog, MAX_STORED_HEADERS } from '../../../web/client/header-log.ts'
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

function openLog() {
  const known = new Map<string, ChainNode>([[first.node.id, first.node]])
  const log = new HeaderLog({ node: first.node, start: Uint8Array.of(1) }, (id) => known.get(id))
  const stored = new Map<number, number>()
  return {
    log,
    stored,
    apply(nodes: readonly ChainNode[], settled = 0): ChainWrite {
      for (const node of nodes) known.set(node.id, node)
      const write = log.apply(nodes, settled)
      for (const chunk of write.remove) stored.delete(chunk)
      for (const { first: at, items } of write.put)
        stored.set(at, new DataView(items.buffer, items.byteOffset).getUint16(0))
      return write
    },
  }
}

describe('header log', () => {
  it('fills chunks, and writes only those that changed', () => {
    const { stored, apply, log } = openLog()
    apply(nodesFrom(1, CHUNK_HEADERS - 1))
    expect(stored).toEqual(new Map([[1, CHUNK_HEADERS - 1]]))
    const write = apply(nodesFrom(CHUNK_HEADERS, 2))
    expect(write.put.map((chunk) => chunk.first)).toEqual([1, CHUNK_HEADERS + 1])
    expect(apply(nodesFrom(CHUNK_HEADERS + 2, 1)).put.map((chunk) => chunk.first)).toEqual([CHUNK_HEADERS + 1])
    expect(stored).toEqual(
      new Map([
        [1, CHUNK_HEADERS],
        [CHUNK_HEADERS + 1, 2],
      ]),
    )
    expect(log.count).toBe(CHUNK_HEADERS + 2)
    expect(write.tip.height).toBe(CHUNK_HEADERS + 1)
  })

  it('cuts a reorganization out of several chunks, at and beside their borders', () => {
    for (const from of [CHUNK_HEADERS - 1, CHUNK_HEADERS, CHUNK_HEADERS + 1, CHUNK_HEADERS + 2, 1]) {
      const { stored, apply, log } = openLog()
      apply(nodesFrom(1, 2 * CHUNK_HEADERS + 3))
      const parentId = from === 1 ? first.node.id : `main ${from - 1}`
      const write = apply(nodesFrom(from, 3, 'fork', parentId))
      expect(log.tip.height).toBe(from + 2)
      expect(log.count).toBe(from + 2)
      expect([...stored.values()].reduce((sum, count) => sum + count, 0)).toBe(from + 2)
      expect(write.remove).toContain(2 * CHUNK_HEADERS + 1)
      expect([...stored.keys()].every((at) => at <= from + 2)).toBe(true)
    }
  })

  it('drops the oldest chunks beyond the cap, but nothing that is not settled', () => {
    const { stored, apply, log } = openLog()
    const count = MAX_STORED_HEADERS + CHUNK_HEADERS
    apply(nodesFrom(1, count), CHUNK_HEADERS)
    expect(log.count).toBe(count)
    const write = apply(nodesFrom(count + 1, 1), count - 5)
    expect(write.remove).toEqual([1])
    expect(log.count).toBe(MAX_STORED_HEADERS + 1)
    expect(Math.min(...stored.keys())).toBe(CHUNK_HEADERS + 1)
  })

  it('refuses headers that leave a gap', () => {
    const { apply } = openLog()
    expect(() => apply(nodesFrom(3, 1))).toThrow('header 3 after 0')
  })
})
