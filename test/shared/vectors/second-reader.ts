/**
 * A second, small implementation of what docs/PROTOCOL.md says, with nothing but node:crypto: it shows whether code, document
 * and examples agree. It must never import the code that it checks.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'

const H = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Section 1: `u8 length || tag`, then the parts. */
export function T(tag: string, ...parts: readonly Uint8Array[]): Buffer {
  const name = Buffer.from(`lares/${tag}/1`, 'ascii')
  return Buffer.concat([Buffer.of(name.length), name, ...parts])
}

const TH = (tag: string, ...parts: readonly Uint8Array[]): Buffer => H(T(tag, ...parts))

class Reader {
  readonly #bytes: Buffer
  #at = 0
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes)
  }
  uint(length: number): number {
    return this.take(length).readUIntBE(0, length)
  }
  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('too short')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
  list<Item>(countLength: number, item: () => Item): Item[] {
    return Array.from({ length: this.uint(countLength) }, item)
  }
  end(): void {
    if (this.#at !== this.#bytes.length) throw new Error('bytes left over')
  }
}

/** Section 3. */
export function readHeader(bytes: Uint8Array) {
  const r = new Reader(bytes)
  const header = {
    version: r.uint(2),
    height: r.uint(4),
    time: r.uint(6),
    previousHash: r.take(32),
    transactionRoot: r.take(32),
    stateRoot: r.take(32),
    historyRoot: r.take(32),
    rosterRoot: r.take(32),
    target: r.uint(4),
    seat: r.uint(2),
    nonce: r.uint(4),
  }
  r.end()
  return header
}

export function headerHash(header: Uint8Array): Buffer {
  return H(H(header))
}

/** RFC 8032 by OpenSSL, which keeps the rules of section 1 but for small orders; these keys are honest. */
export function signatureHolds(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

export function sealHolds(networkId: Uint8Array, sealed: Uint8Array, sealingKey: Uint8Array): boolean {
  const [header, seal] = [sealed.subarray(0, 182), sealed.subarray(182)]
  return seal.length === 64 && signatureHolds(sealingKey, T('seal', networkId, headerHash(header)), seal)
}

/** Section 11: the devices of a directory; undefined when the signer's wallet key has not signed it. */
export function readDirectory(bytes: Uint8Array, walletKey: Uint8Array) {
  const reader = new Reader(bytes)
  const text = () => reader.take(reader.uint(1)).toString('utf8')
  const version = reader.uint(1)
  const [networkId, signer, madeAt] = [reader.take(32), reader.take(32), reader.uint(6)]
  const entries = reader.list(4, () => ({
    deviceId: reader.take(32),
    name: text(),
    model: text(),
    serial: text(),
    mac: reader.uint(1) === 1 ? reader.take(6) : undefined,
    vendor: text(),
  }))
  const signature = reader.take(64)
  reader.end()
  const holds = signatureHolds(walletKey, T('directory', H(bytes.subarray(0, -64))), signature)
  return holds && version === 1 ? { networkId, signer, madeAt, entries } : undefined
}

/** Section 2. */
export function deviceId(networkId: Uint8Array, walletKey: Uint8Array, anchor: Uint8Array): Buffer {
  return TH('device-id', networkId, walletKey, anchor)
}

/** BIP 350. */
export function deviceIdText(networkId: Uint8Array, id: Uint8Array): string {
  const bits = [...networkId.subarray(0, 4), ...id].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const words = (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, '0'), 2))
  const prefix = [...Buffer.from('lares')]
  const expanded = [...prefix.map((code) => code >> 5), 0, ...prefix.map((code) => code & 31)]
  const sum = polymod([...expanded, ...words, 0, 0, 0, 0, 0, 0]) ^ 0x2bc830a3
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31)
  const letters = [...words, ...checksum].map((word) => 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'[word]).join('')
  return `lares1${letters}`.toUpperCase()
}

function polymod(values: readonly number[]): number {
  let check = 1
  for (const value of values) {
    const top = check >>> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries())
      if (((top >>> bit) & 1) === 1) check ^= generator
  }
  return check
}

/** Section 5. */
export function stateKey(type: number, id: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type), TH('state/key', Buffer.of(type), id).subarray(0, 31)])
}

const bitOf = (key: Uint8Array, depth: number): number => ((key[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1

/** The first `depth` bits, all others zero. */
function prefixOf(key: Uint8Array, depth: number): Buffer {
  const prefix = Buffer.alloc(32)
  for (let bit = 0; bit < depth; bit++)
    if (bitOf(key, bit) === 1) prefix[bit >> 3] = (prefix[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return prefix
}

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  let bits = 0
  while (bits < 256 && bitOf(a, bits) === bitOf(b, bits)) bits++
  return bits
}

/** @returns the value, `absent`, or undefined when the proof shows nothing */
export function readStateProof(
  root: Uint8Array,
  key: Uint8Array,
  proof: Uint8Array,
): { value: Buffer } | 'absent' | undefined {
  const r = new Reader(proof)
  const path = r.list(2, () => ({ depth: r.uint(1), sibling: r.take(32) }))
  if (path.some(({ depth }, i) => depth <= (path[i - 1]?.depth ?? -1))) return undefined
  const last = path.at(-1)?.depth ?? -1
  let value: Buffer | undefined
  let hash: Buffer
  switch (r.uint(1)) {
    case 0:
      if (last !== -1) return undefined
      hash = TH('state/empty')
      break
    case 1:
      value = r.take(r.uint(2))
      hash = TH('state/leaf', key, H(value))
      break
    case 2: {
      const other = r.take(32)
      const shared = sharedBits(key, other)
      if (shared <= last || shared === 256) return undefined
      hash = TH('state/leaf', other, r.take(32))
      break
    }
    case 3: {
      const depth = r.uint(1)
      const prefix = r.take(32)
      const shared = sharedBits(key, prefix)
      if (depth <= last || !prefix.equals(prefixOf(prefix, depth)) || shared <= last || shared >= depth)
        return undefined
      hash = TH('state/inner', Buffer.of(depth), prefix, r.take(32), r.take(32))
      break
    }
    default:
      return undefined
  }
  r.end()
  for (const { depth, sibling } of path.reverse()) {
    const [left, right] = bitOf(key, depth) === 0 ? [hash, sibling] : [sibling, hash]
    hash = TH('state/inner', Buffer.of(depth), prefixOf(key, depth), left, right)
  }
  if (!hash.equals(root)) return undefined
  return value === undefined ? 'absent' : { value }
}

/** RFC 6962 section 2.1. */
export function transactionRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return H()
  if (leaves.length === 1) return H(Buffer.of(0), leaves[0] as Uint8Array)
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return H(Buffer.of(1), transactionRoot(leaves.slice(0, split)), transactionRoot(leaves.slice(split)))
}

/** Section 4. */
export function readBlock(bytes: Uint8Array): { header: Buffer; seal: Buffer; transactions: Buffer[] } {
  const r = new Reader(bytes)
  const block = { header: r.take(182), seal: r.take(64), transactions: r.list(2, () => r.take(r.uint(2))) }
  r.end()
  return block
}

/** Section 6: hash, work, start and end, as the 60 bytes stand. */
function parentNode(left: Buffer, right: Buffer): Buffer {
  const work = BigInt(`0x${left.toString('hex', 32, 48)}`) + BigInt(`0x${right.toString('hex', 32, 48)}`)
  const sum = Buffer.from(work.toString(16).padStart(32, '0'), 'hex')
  return Buffer.concat([TH('history/node', left, right), sum, left.subarray(48, 54), right.subarray(54, 60)])
}

export function historyRoot(range: Uint8Array): Buffer {
  const r = new Reader(range)
  const count = r.take(4)
  const peaks = r.list(1, () => r.take(60))
  r.end()
  const bagged = peaks.reduceRight<Buffer | undefined>(
    (right, left) => (right ? parentNode(left, right) : left),
    undefined,
  )
  return TH('history/root', count, ...(bagged === undefined ? [] : [bagged]))
}

/** Root of a history from its leaves: complete mountains, highest first. */
export function historyRootOf(leaves: readonly { headerHash: Uint8Array; work: bigint; time: number }[]): Buffer {
  let row: Buffer[] = leaves.map(({ headerHash, work, time }) => {
    const numbers = Buffer.alloc(22)
    numbers.write(work.toString(16).padStart(32, '0'), 'hex')
    numbers.writeUIntBE(time, 16, 6)
    const at = numbers.subarray(16)
    return Buffer.concat([TH('history/leaf', headerHash, numbers), numbers, at])
  })
  const peaks: Buffer[] = []
  while (row.length > 0) {
    if (row.length % 2 === 1) peaks.unshift(row.pop() as Buffer)
    row = row.flatMap((left, i) => (i % 2 === 0 ? [parentNode(left, row[i + 1] as Buffer)] : []))
  }
  const count = Buffer.alloc(4)
  count.writeUInt32BE(leaves.length)
  return historyRoot(Buffer.concat([count, Buffer.of(peaks.length), ...peaks]))
}

/** Sections 3 and 7: the first roster of a genesis description, and the two hashes that lead to the network ID. */
export function readGenesis(bytes: Uint8Array): { hash: Buffer; rosterRoot: Buffer; stateRoot: Buffer } {
  const r = new Reader(bytes)
  if (r.uint(1) !== 1) throw new Error('another version')
  const createdAt = r.take(6)
  r.take(4 + 2 + 4 + 4 + 4 + 4 + 2)
  const threshold = r.take(1)
  const keys = r.list(1, () => r.take(32))
  const owners = Buffer.concat([threshold, Buffer.of(keys.length), ...keys])
  const keepers = r.list(2, () => r.take(96))
  const fixed = r.take(1 + 4 + 6 + 2 + 2 + 2 + 4 + 4 + 1 + 16)
  const roots = r.list(1, () => r.take(32))
  r.end()
  const u16 = (value: number) => Buffer.of(value >> 8, value & 255)
  const members = keepers.map((keeper, seat) => Buffer.concat([u16(seat), keeper]))
  const start = Buffer.concat([Buffer.alloc(4 + 32), u16(keepers.length), Buffer.alloc(6), owners, u16(keepers.length)])
  const policy = Buffer.concat([fixed, Buffer.of(roots.length), ...roots])
  const state = [
    { key: stateKey(3, Buffer.alloc(0)), value: Buffer.alloc(4 + 1) },
    { key: stateKey(4, Buffer.alloc(0)), value: policy },
    { key: stateKey(5, Buffer.alloc(0)), value: Buffer.concat([Buffer.alloc(4 + 4), createdAt]) },
  ]
  return {
    hash: TH('genesis', bytes),
    rosterRoot: TH('roster', start, ...members),
    stateRoot: stateRootOf(state),
  }
}

/** Section 5: the root over leaves, from their keys alone. */
export function stateRootOf(leaves: readonly { key: Buffer; value: Buffer }[]): Buffer {
  const [first] = leaves
  if (first === undefined) return TH('state/empty')
  if (leaves.length === 1) return TH('state/leaf', first.key, H(first.value))
  const depth = Math.min(...leaves.map(({ key }) => sharedBits(first.key, key)))
  const side = (bit: number) => stateRootOf(leaves.filter(({ key }) => bitOf(key, depth) === bit))
  return TH('state/inner', Buffer.of(depth), prefixOf(first.key, depth), side(0), side(1))
}

/** Section 3, compact targets: the number, or undefined for what is not canonical. */
export function expand(compact: number): bigint | undefined {
  const exponent = Math.floor(compact / 2 ** 24)
  const mantissa = BigInt(compact % 2 ** 24)
  if (mantissa === 0n || mantissa > 0x7fffffn || exponent > 32) return undefined
  const target = exponent >= 3 ? mantissa << BigInt(8 * (exponent - 3)) : mantissa >> BigInt(8 * (3 - exponent))
  return target > 0n && compactOf(target) === compact ? target : undefined
}

export function compactOf(target: bigint): number {
  let digits = target.toString(16)
  if (digits.length % 2 === 1) digits = `0${digits}`
  // A first byte of 80 or more would be a sign: one more byte in front.
  if (Number.parseInt(digits.slice(0, 2), 16) >= 0x80) digits = `00${digits}`
  return (digits.length / 2) * 2 ** 24 + Number.parseInt(digits.padEnd(6, '0').slice(0, 6), 16)
}

export function workOf(target: bigint): bigint {
  return (1n << 256n) / (target + 1n)
}

interface Timed {
  readonly time: number
  readonly target: number
}

export function nextTargetOf(
  parameters: { spacingMs: number; difficultyWindow: number; targetLimit: number },
  parent: Timed,
  grandparent: Timed | null,
): number {
  if (grandparent === null) return parent.target
  const spacing = BigInt(parameters.spacingMs)
  const window = BigInt(parameters.difficultyWindow)
  const passed = BigInt(parent.time - grandparent.time)
  const gap = passed < 4n * spacing ? passed : 4n * spacing
  const next = ((expand(parent.target) as bigint) * (spacing * (window - 1n) + gap)) / (spacing * window)
  const limit = expand(parameters.targetLimit) as bigint
  return compactOf(next > limit ? limit : next < 1n ? 1n : next)
}
