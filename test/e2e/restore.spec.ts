/**
 * A relay dies; its owner restores an old backup while phones are ahead of it. Nothing is sealed twice, every phone is told
 * what is lost and goes on, and who was registered in a lost block is registered again.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type Page, test } from '@playwright/test'
import { askRelay } from '../../node-relay/cli/admin-client.ts'
import { createNodeSigner } from '../../node-relay/crypto/node-signer.ts'
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import type { RecoveryView } from '../../node-relay/recovery/recovery.ts'
import { type Block, blockCodec } from '../../shared/block/block.ts'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { sealCheck } from '../../shared/header/seal.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import {
  auditId,
  closePages,
  heightRises,
  incidentsOf,
  joinWithVoucher,
  openView,
  phaseIs,
  settledId,
  tipOf,
} from '../framework/phone-page.ts'
import { lares, makeDataDir, newVoucher, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

test.setTimeout(240_000)

interface StatusAnswer {
  readonly networkId: string
  readonly tip: { readonly height: number }
  readonly mining: { readonly sentence: string }
  readonly incidents: readonly { readonly code: string; readonly sentence: string }[]
}

test.afterEach(async ({ browser }) => closePages(browser))

test('an old backup, and phones that are ahead of it', async ({ browser }) => {
  const flags = await fixedPortFlags()
  const relay = await startRelayProcess({ flags })
  const words = ownerWords(relay.output())
  const before = await statusOf(relay.dataDir)
  const oldKey = createNodeSigner(fromHex(keysOf(relay.dataDir).sealingSeed)).publicKey
  const link = new URL(relay.joinUrl).hash
  const [early, late] = await Promise.all([newPhone(), newPhone()])

  async function newPhone(): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    await page.goto(relay.localUrl + link)
    await phaseIs(page, 'following')
    return page
  }

  // One phone is registered before the backup, the other one after it.
  await joinWithVoucher(early, (await newVoucher(relay.dataDir)).text)
  const earlyId = await settledId(early)
  const file = join(await makeDataDir(), 'backup')
  const backup = await lares(relay.dataDir, 'backup', '--out', file)
  expect(backup, backup.stderr).toMatchObject({ code: 0 })
  await joinWithVoucher(late, (await newVoucher(relay.dataDir)).text)
  const lateId = await settledId(late)
  await heightRises(early, 5)
  const lost = await blocksOf(relay.localUrl, 0)
  await relay.kill()
  await removeDataDir(relay.dataDir)

  // Another disk: the folder is new, the addresses are the same.
  const dataDir = join(await makeDataDir(), 'restored')
  const restored = await lares(dataDir, 'restore', file)
  expect(restored, restored.stderr).toMatchObject({ code: 0 })
  const again = await startRelayProcess({ dataDir, flags })
  const base = (await statusOf(dataDir)).tip.height
  expect(base).toBeLessThan(lost.length - 1)
  expect((await statusOf(dataDir)).mining.sentence).toContain('seals nothing')

  // Phones tell it what it had sealed.
  const known = async () => {
    const { recovery } = await askRelay<{ recovery: RecoveryView | null }>(dataDir, '/recovery')
    return recovery?.newest?.height ?? 0
  }
  await expect.poll(known, { timeout: 60_000 }).toBeGreaterThanOrEqual(lost.length - 1)
  const lastLost = Math.max((await tipOf(early)).height, (await tipOf(late)).height)
  const wrong = await recover(dataDir, `${words.split(' ').slice(1).join(' ')} abandon`)
  expect(wrong.code).toBe(1)
  expect((await statusOf(dataDir)).tip.height).toBe(base)
  const right = await recover(dataDir, words)
  expect(right, right.stderr).toMatchObject({ code: 0 })
  expect(right.stdout).toContain(`(${base + 1} to ${lastLost})`)

  // Every phone is told, follows, and keeps or gets back its ID.
  for (const phone of [early, late]) {
    await openView(phone, 'Status')
    const incident = incidentsOf(phone, 'restored')
    await expect(incident.first()).toContainText(`blocks are lost (${base + 1} to ${lastLost})`, { timeout: 60_000 })
    await expect(incident).toHaveCount(1)
    await phaseIs(phone, 'following')
    await heightRises(phone, 2)
  }
  expect(await settledId(early)).toBe(earlyId)
  expect(await auditId(early, earlyId)).toBe('registered')
  await openView(late, 'Status')
  expect(await settledId(late)).toBe(lateId)
  await expect.poll(() => auditId(early, lateId), { timeout: 60_000 }).toBe('registered')
  const after = await statusOf(dataDir)
  expect(after.incidents.filter(({ code }) => code === 'restored')).toHaveLength(1)
  expect(after.networkId).toBe(before.networkId)

  // The old key has sealed nothing above the backup but what is lost: no two headers of one key on one parent.
  const now = await blocksOf(again.localUrl, 0)
  const { publicKey: newKey } = createNodeSigner(fromHex(keysOf(dataDir).sealingSeed))
  for (const block of now.slice(base + 1)) {
    expect(await isSealedBy(before.networkId, block, oldKey), `block ${block.header.height}`).toBe(false)
    expect(await isSealedBy(before.networkId, block, newKey), `block ${block.header.height}`).toBe(true)
  }
  expect(now.slice(0, base + 1).map(idOf)).toEqual(lost.slice(0, base + 1).map(idOf))
  expect(await isSealedBy(before.networkId, lost[base + 1] as Block, oldKey)).toBe(true)

  // A phone that comes now finds nothing of all this in its way; started again, the relay is as any other.
  await again.stop()
  const last = await startRelayProcess({ dataDir, flags })
  expect((await statusOf(dataDir)).mining.sentence).toContain('Mining')
  const fresh = await (await browser.newContext()).newPage()
  await fresh.goto(last.localUrl + new URL(last.joinUrl).hash)
  await phaseIs(fresh, 'following')
  expect(await auditId(fresh, lateId)).toBe('registered')
  await openView(early, 'Status')
  await phaseIs(early, 'following')
  await last.stop()
  await removeDataDir(dataDir)
})

const idOf = ({ header }: Block) => toHex(hashHeader(header))
const verifier = createNodeVerifier()

async function isSealedBy(networkId: string, { header, seal }: Block, key: Uint8Array): Promise<boolean> {
  return verifier.verify(sealCheck(fromHex(networkId), hashHeader(header), seal, key))
}

function ownerWords(output: string): string {
  const words = [...output.matchAll(/(?<=[│ ])\s?(\d+) ([a-z]+)(?= )/g)].map(([, number, word]) => ({
    number: Number(number),
    word: word as string,
  }))
  const list = Array.from({ length: 12 }, (_, i) => words.find(({ number }) => number === i + 1)?.word)
  if (list.includes(undefined)) throw new Error(`no words in:\n${output}`)
  return list.join(' ')
}

function keysOf(dataDir: string): { sealingSeed: string } {
  return JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8'))
}

async function statusOf(dataDir: string): Promise<StatusAnswer> {
  const { stdout } = await lares(dataDir, 'status', '--json')
  return JSON.parse(stdout)
}

async function blocksOf(localUrl: string, from: number): Promise<Block[]> {
  const blocks: Block[] = []
  for (;;) {
    const answer = await fetch(`${localUrl}api/v1/blocks?from=${from + blocks.length}`)
    const page = (await answer.json()) as { blocks: { bytes: string }[] }
    if (page.blocks.length === 0) return blocks
    for (const { bytes } of page.blocks) {
      const block = blockCodec.decode(Uint8Array.from(Buffer.from(bytes, 'base64url')))
      if (!block.ok) throw new Error(block.detail)
      blocks.push(block.value)
    }
  }
}

function recover(dataDir: string, words: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const main = new URL('../../node-relay/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, 'recover', '--yes', '--data-dir', dataDir])
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end(`${words}\n`)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}
