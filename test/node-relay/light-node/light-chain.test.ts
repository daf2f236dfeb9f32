/** A few headers, on disk as they are followed: whatever is cut off or changed there is fetched again, and nothing else. */
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openChainFile } from '../../../node-relay/light-node/chain-file.ts'
import { KEPT_BELOW, LightChain, MAX_APPENDED } from '../../../node-relay/light-node/light-chain.ts'
import { headerItemCodec } from '../../../shared/protocol/messages.ts'
import { encodeStartPoint } from '../../../shared/sync/start-point.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { beginChain, chainInit, endScenes, newFolder } from './scene.ts'

afterEach(endScenes)

async function grow(builder: ChainBuilder, chain: LightChain, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { node } = await builder.mine()
    chain.graph.insert(node)
    chain.followed([node])
  }
}

describe('on disk', () => {
  it('is read again as it was, with what was settled', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    const chain = beginChain(builder, path)
    await grow(builder, chain, 12)
    const again = (await LightChain.read(chainInit(path))) as LightChain
    expect([again.tip.id, again.graph.settled.node.id]).toEqual([chain.tip.id, chain.graph.settled.node.id])
    expect(again.rules).toEqual(chain.rules)
    expect(again.genesis).toEqual(builder.genesis)
    // And goes on.
    await grow(builder, again, 3)
    expect(((await LightChain.read(chainInit(path))) as LightChain).tip.id).toBe(builder.tip.node.id)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('cut off anywhere, it holds what was whole, and can be written on', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    const chain = beginChain(builder, path)
    const begin = statSync(path).size
    await grow(builder, chain, 6)
    const whole = readFileSync(path)
    for (let end = begin; end < whole.length; end += 31) {
      writeFileSync(path, whole.subarray(0, end))
      const cut = (await LightChain.read(chainInit(path))) as LightChain
      expect(cut.tip.id).toBe(builder.at(cut.tip.height).node.id)
      expect(cut.tip.height).toBe(Math.floor(((end - begin) / (whole.length - begin)) * 6))
      const next = builder.at(cut.tip.height + 1).node
      cut.graph.insert(next)
      cut.followed([next])
      expect(((await LightChain.read(chainInit(path))) as LightChain).tip.id).toBe(next.id)
    }
    truncateSync(path, begin - 1)
    expect(await LightChain.read(chainInit(path))).toBeUndefined()
    expect(await LightChain.read(chainInit(join(newFolder(), 'chain')))).toBeUndefined()
  })

  it('changed anywhere, nothing of it is believed beyond', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    await grow(builder, beginChain(builder, path), 5)
    const whole = readFileSync(path)
    for (let at = 7; at < whole.length; at += 97) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] as number) ^ 1
      writeFileSync(path, changed)
      const read = await LightChain.read(chainInit(path))
      if (read !== undefined) expect(read.tip.id).toBe(builder.at(read.tip.height).node.id)
      expect(read?.tip.height ?? 0).toBeLessThan(5)
    }
  })

  it('headers that somebody appended are judged like any', async () => {
    const [builder, other] = [new ChainBuilder(), new ChainBuilder({ name: 'other' })]
    const [path, otherPath] = [join(newFolder(), 'chain'), join(newFolder(), 'chain')]
    await grow(builder, beginChain(builder, path), 2)
    const begun = beginChain(other, otherPath)
    const begin = statSync(otherPath).size
    await grow(other, begun, 3)
    appendFileSync(path, readFileSync(otherPath).subarray(begin))
    const read = (await LightChain.read(chainInit(path))) as LightChain
    expect(read.tip.id).toBe(builder.tip.node.id)
  })

  it('a header under a seal that does not hold is let go of, and what stands on it', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    await grow(builder, beginChain(builder, path), 2)
    const forged = await builder.mine({ sealWith: namedSigner('thief') })
    const above = await builder.mine()
    openChainFile(path).append([forged, above].map(({ item }) => headerItemCodec.encode(item)))
    const size = statSync(path).size
    const read = (await LightChain.read(chainInit(path))) as LightChain
    expect(read.tip.id).toBe(builder.at(2).node.id)
    expect(statSync(path).size).toBeLessThan(size)
  })

  it('goes on at the block of a recovery, and is there again after a restart', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    const chain = beginChain(builder, path)
    await grow(builder, chain, 6)
    const { node } = builder.at(3)
    chain.restart({ node, bytes: encodeStartPoint(node, builder.at(2).node.range) })
    expect([chain.tip.id, chain.graph.base.id]).toEqual([node.id, node.id])
    const next = builder.at(4).node
    chain.graph.insert(next)
    chain.followed([next])
    expect(((await LightChain.read(chainInit(path))) as LightChain).tip.id).toBe(next.id)
  })

  it('what was settled stays settled, though the headers that are kept do not show it', async () => {
    // Of two keepers one sleeps.
    const builder = new ChainBuilder({ keepers: 2 })
    const path = join(newFolder(), 'chain')
    beginChain(builder, path)
    for (let i = 0; i < 4; i++) await builder.mine({ seat: 0 })
    const file = openChainFile(path)
    const { head } = file.read() as NonNullable<ReturnType<typeof file.read>>
    const items = builder.from(1).map(({ item }) => headerItemCodec.encode(item))
    const settledIn = async () => ((await LightChain.read(chainInit(path))) as LightChain).graph.settled.node.height
    file.begin(head, items)
    expect(await settledIn()).toBe(0)
    file.begin({ ...head, settled: { height: 2, keepersSeen: 2, keepers: 2 } }, items)
    expect(await settledIn()).toBe(2)
  })

  it('stays small: written anew with what is kept alone', { timeout: 60_000 }, async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    const chain = beginChain(builder, path)
    await grow(builder, chain, MAX_APPENDED + KEPT_BELOW + 10)
    const { base, settled } = chain.graph
    expect(settled.node.height - base.height).toBe(KEPT_BELOW)
    expect(statSync(path).size).toBeLessThan((2 * KEPT_BELOW + 100) * 300)
    const read = (await LightChain.read(chainInit(path))) as LightChain
    expect([read.tip.id, read.graph.settled.node.id]).toEqual([chain.tip.id, settled.node.id])
    expect(read.graph.base.height).toBeGreaterThan(0)
  })

  it('a full disk is said once, and the next header that fits brings all', async () => {
    const builder = new ChainBuilder()
    const path = join(newFolder(), 'chain')
    beginChain(builder, path)
    const disk: unknown[] = []
    const init = chainInit(path, (error) => disk.push(error))
    let isFull = true
    const chain = (await LightChain.read({
      ...init,
      file: {
        read: init.file.read,
        begin: (head, items) => (isFull ? fail() : init.file.begin(head, items)),
        append: (items) => (isFull ? fail() : init.file.append(items)),
      },
    })) as LightChain
    await grow(builder, chain, 3)
    expect(disk).toHaveLength(1)
    isFull = false
    await grow(builder, chain, 1)
    expect(disk).toEqual([expect.any(Error), undefined])
    expect(((await LightChain.read(init)) as LightChain).tip.id).toBe(builder.tip.node.id)
  })
})

it('takes no further headers where nothing settles for long', async () => {
  // Of two keepers one sleeps.
  const builder = new ChainBuilder({ keepers: 2 })
  const path = join(newFolder(), 'chain')
  beginChain(builder, path)
  const chain = (await LightChain.read({ ...chainInit(path), maxUnsettled: 5 })) as LightChain
  for (let i = 0; i < 5; i++) {
    expect(chain.hasRoom).toBe(true)
    const { node } = await builder.mine({ seat: 0 })
    chain.graph.insert(node)
  }
  expect([chain.graph.settled.node.height, chain.hasRoom]).toEqual([0, false])
})

function fail(): never {
  throw new Error('ENOSPC')
}
