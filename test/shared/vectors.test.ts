import { hkdfSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { TAGS } from '../../shared/hash.ts'
import { protocolVectors } from './vectors/examples.ts'
import * as second from './vectors/second-reader.ts'

const FILE = new URL('../vectors/protocol.json', import.meta.url)
const DOCUMENT = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')

/** The examples of docs/PROTOCOL.md: `LARES_WRITE_VECTORS=1` writes them anew, and a change of format shows. */
const made = await protocolVectors()
if (process.env['LARES_WRITE_VECTORS'] === '1') writeFileSync(FILE, `${JSON.stringify(made, null, 1)}\n`)
// biome-ignore lint/suspicious/noExplicitAny: a file of many shapes, read by name
const vectors: any = JSON.parse(readFileSync(FILE, 'utf8'))

const bytes = (text: string): Buffer => Buffer.from(text, 'hex')
const networkId = bytes(vectors.networkId)

it('are what the code makes', () => {
  expect(made).toEqual(vectors)
})

describe('the document', () => {
  it('names every example, and only examples that there are', () => {
    const named = [...DOCUMENT.matchAll(/\((`[A-Za-z]+`(?:, `[A-Za-z]+`)*)\)/g)].flatMap(([, names]) =>
      [...(names as string).matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name),
    )
    expect(new Set(named)).toEqual(new Set(Object.keys(vectors).filter((name) => name !== 'about')))
  })

  it('lists every domain tag', () => {
    const list = /All tags begin with[^:]*:\n\n([\s\S]*?)\n\n/.exec(DOCUMENT)?.[1] ?? ''
    const tags = [...list.matchAll(/`([^`]+)`/g)].map(([, tag]) => `lares/${tag}/1`)
    expect(tags.toSorted()).toEqual(Object.values(TAGS).toSorted())
  })
})

describe('a second implementation, which imports nothing of the first', () => {
  it('hashes headers and reads their fields', () => {
    const { encoded, fields, derived } = vectors.header
    expect(second.headerHash(bytes(encoded)).toString('hex')).toBe(derived.hash)
    const { height, time, target, seat, nonce, stateRoot } = second.readHeader(bytes(encoded))
    expect({ height, time, target, seat, nonce, stateRoot: stateRoot.toString('hex') }).toEqual({
      height: fields.height,
      time: fields.time,
      target: fields.target,
      seat: fields.seat,
      nonce: fields.nonce,
      stateRoot: fields.stateRoot,
    })
  })

  it('comes from the genesis description to the network ID', () => {
    const { encoded, derived } = vectors.genesis
    const { hash, rosterRoot, stateRoot } = second.readGenesis(bytes(encoded))
    const header = second.readHeader(bytes(derived.header))
    expect(header.previousHash).toEqual(hash)
    expect(header.rosterRoot).toEqual(rosterRoot)
    expect(header.stateRoot).toEqual(stateRoot)
    expect(header.historyRoot).toEqual(second.historyRoot(Buffer.alloc(5)))
    expect(header.transactionRoot).toEqual(second.transactionRoot([]))
    expect(second.headerHash(bytes(derived.header))).toEqual(networkId)
  })

  it('makes device IDs and their text', () => {
    const { walletKey, anchor, deviceId, text } = vectors.deviceIdText
    const id = second.deviceId(networkId, bytes(walletKey), bytes(anchor))
    expect(id.toString('hex')).toBe(deviceId)
    expect(second.deviceIdText(networkId, id)).toBe(text)
  })

  it('verifies seals, and refuses a changed one', () => {
    const { encoded, derived } = vectors.sealedHeader
    const sealed = bytes(encoded)
    expect(second.sealHolds(networkId, sealed, bytes(derived.sealingKey))).toBe(true)
    sealed[0] = 7
    expect(second.sealHolds(networkId, sealed, bytes(derived.sealingKey))).toBe(false)
  })

  it('verifies state proofs of presence and absence', () => {
    const { stateProofPresent: present, stateProofAbsent: absent, deviceRecord } = vectors
    const read = ({ encoded, derived }: typeof present, key = derived.key) =>
      second.readStateProof(bytes(derived.stateRoot), bytes(key), bytes(encoded))
    expect(read(present)).toEqual({ value: bytes(deviceRecord.encoded) })
    expect(bytes(present.derived.key)).toEqual(second.stateKey(1, bytes(vectors.deviceIdText.deviceId)))
    expect(read(absent.otherLeaf)).toBe('absent')
    expect(read(absent.divergingInner)).toBe('absent')
    for (const one of [present, absent.otherLeaf, absent.divergingInner])
      expect(read(one, `01${'ab'.repeat(31)}`)).toBeUndefined()
  })

  it('finds the roots of transactions and of the history', () => {
    const { header, transactions } = second.readBlock(bytes(vectors.block.encoded))
    expect(second.readHeader(header).transactionRoot).toEqual(second.transactionRoot(transactions))
    for (const { transactions: list, root } of vectors.transactionRoot)
      expect(second.transactionRoot(list.map(bytes)).toString('hex')).toBe(root)
    const { leaves, root } = vectors.history
    const read = leaves.map((leaf: { headerHash: string; work: string; time: number }) => ({
      headerHash: bytes(leaf.headerHash),
      work: BigInt(leaf.work),
      time: leaf.time,
    }))
    expect(second.historyRootOf(read).toString('hex')).toBe(root)
    expect(second.historyRoot(bytes(vectors.mountainRange.encoded)).toString('hex')).toBe(root)
  })

  it('computes targets, work and difficulty', () => {
    for (const { compact, target, work } of vectors.compactTarget) {
      expect(second.expand(Number.parseInt(compact, 16))).toBe(BigInt(`0x${target}`))
      expect(second.workOf(BigInt(`0x${target}`)).toString()).toBe(work)
    }
    for (const { compact, target } of vectors.roundedTarget)
      expect(second.compactOf(BigInt(`0x${target}`))).toBe(Number.parseInt(compact, 16))
    for (const compact of vectors.notCanonicalTarget)
      expect(second.expand(Number.parseInt(compact, 16)), compact).toBeUndefined()
    const { parameters, cases } = vectors.nextTarget
    for (const { parent, grandparent, next } of cases)
      expect(second.nextTargetOf(parameters, parent, grandparent)).toBe(next)
  })

  it('derives the seeds of recovery words', () => {
    const { entropy, recoverySeed, ownerSeed } = vectors.recoveryWords
    const seed = (info: string) => Buffer.from(hkdfSync('sha256', bytes(entropy), '', info, 32)).toString('hex')
    expect(seed('lares/recovery/1')).toBe(recoverySeed)
    expect(seed('lares/owner/1')).toBe(ownerSeed)
  })

  it('reads a private directory, and only a signed one', () => {
    const { fields, encoded, derived } = vectors.directory
    const read = second.readDirectory(bytes(encoded), bytes(derived.signerWalletKey))
    expect(read?.networkId).toEqual(networkId)
    expect(read?.signer.toString('hex')).toBe(fields.signer)
    expect(read?.madeAt).toBe(fields.madeAt)
    const hex = (value?: Buffer) => value?.toString('hex') ?? null
    const entries = read?.entries.map((entry) => ({ ...entry, deviceId: hex(entry.deviceId), mac: hex(entry.mac) }))
    expect(entries).toEqual(fields.entries)
    const altered = bytes(encoded)
    altered[80] = (altered[80] ?? 0) ^ 1
    expect(second.readDirectory(altered, bytes(derived.signerWalletKey))).toBeUndefined()
  })

  it('verifies that a full node asks for evidence, on its own connection alone', () => {
    const { encoded, derived } = vectors.evidenceRequest
    const request = bytes(encoded)
    const holds = (asker: string, asked: string) => {
      const peers = [asker, asked].map((peer) => Buffer.concat([Buffer.of(peer.length), Buffer.from(peer)]))
      const message = second.T('evidence-request', networkId, request.subarray(32, 72), ...peers)
      return second.signatureHolds(bytes(derived.sealingKey), message, request.subarray(72))
    }
    expect(request.subarray(0, 32)).toEqual(networkId)
    expect(holds(derived.asker, derived.asked)).toBe(true)
    expect(holds(derived.asker, derived.asker)).toBe(false)
    expect(holds(derived.asked, derived.asked)).toBe(false)
  })

  it('verifies a session certificate and the proof of who is present, of the same wallet', () => {
    for (const [tag, { encoded, derived }] of [
      ['session', vectors.sessionCertificate],
      ['duel-proof', vectors.duelProof],
    ] as const) {
      const whole = bytes(encoded)
      const signed = second.T(tag, whole.subarray(0, -64))
      expect(signed.toString('hex'), tag).toBe(derived.message)
      expect(second.signatureHolds(bytes(derived.walletKey), signed, whole.subarray(-64)), tag).toBe(true)
      signed[40] = (signed[40] ?? 0) ^ 1
      expect(second.signatureHolds(bytes(derived.walletKey), signed, whole.subarray(-64)), tag).toBe(false)
    }
  })

  it('verifies every signature of a registration', () => {
    const { fields, derived } = vectors.register.voucher
    const { claim, evidence, endorsements, walletSignature } = fields.data
    const holds = (key: string, message: string, signature: string) =>
      second.signatureHolds(bytes(key), bytes(message), bytes(signature))
    const { voucher, claimSignature } = evidence.data
    expect(holds(claim.walletKey, derived.walletMessage, walletSignature)).toBe(true)
    expect(holds(voucher.voucherKey, derived.evidenceMessages.claim, claimSignature)).toBe(true)
    const issuerKey = vectors.voucher.derived.issuerWalletKey
    expect(holds(issuerKey, derived.evidenceMessages.voucher, voucher.signature)).toBe(true)
    expect(holds(issuerKey, derived.endorsementMessage, endorsements[0].signature)).toBe(true)
    const label = Buffer.of(voucher.label)
    const notAfter = bytes(voucher.notAfter.toString(16).padStart(12, '0'))
    const parts = [networkId, bytes(voucher.issuer), bytes(voucher.voucherKey), notAfter, label]
    expect(second.T('voucher', ...parts).toString('hex')).toBe(derived.evidenceMessages.voucher)
  })
})
