/** A full node that takes blocks, measures itself, and says how fast this core verifies. argv: directory of the database. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openFullNode, takeBlock } from './full-node.ts'

export type ToValidate =
  | { readonly kind: 'open'; readonly genesis: Uint8Array; readonly now: number }
  | { readonly kind: 'raw'; readonly seconds: number }
  | { readonly kind: 'prepare'; readonly count: number }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'block'; readonly bytes: Uint8Array }

export interface Validated {
  readonly seconds: number
  /** Signatures verified: of `raw` and `prepared`. */
  readonly count: number
  /** Delay of the event loop meanwhile, ms. */
  readonly p99: number
  readonly max: number
}

const MESSAGE_LENGTH = 150
const NOTHING: Validated = { seconds: 0, count: 0, p99: 0, max: 0 }
const [directory = ''] = process.argv.slice(2)
let node: Awaited<ReturnType<typeof openFullNode>> | undefined

/** A bare loop on one core; the keys lie ready. */
function raw(seconds: number): Validated {
  const samples = Array.from({ length: 64 }, (_, i) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const message = Buffer.alloc(MESSAGE_LENGTH, i)
    return { publicKey, message, signature: sign(null, message, privateKey) }
  })
  const start = performance.now()
  let count = 0
  while (performance.now() - start < seconds * 1_000)
    for (const { publicKey, message, signature } of samples) {
      if (!verify(null, message, publicKey, signature)) throw new Error('a good signature does not hold')
      count++
    }
  return { ...NOTHING, seconds: (performance.now() - start) / 1_000, count }
}

interface Sample {
  /** 32 bytes, of a key that is seen for the first time; undefined: of the one that lies ready. */
  readonly fresh: Buffer | undefined
  readonly signature: Buffer
}

const READY = generateKeyPairSync('ed25519')
const MESSAGE = Buffer.alloc(MESSAGE_LENGTH, 7)
let samples: Sample[] = []

/** Signatures as in a block of registrations: every second one of a key never seen before. */
function prepare(count: number): void {
  samples = Array.from({ length: count }, (_, i) => {
    if (i % 2 === 0) return { fresh: undefined, signature: sign(null, MESSAGE, READY.privateKey) }
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const { x = '' } = publicKey.export({ format: 'jwk' })
    return { fresh: Buffer.from(x, 'base64url'), signature: sign(null, MESSAGE, privateKey) }
  })
}

/** A bare loop over them on one core. */
function verifyPrepared(): Validated {
  const start = performance.now()
  for (const { fresh, signature } of samples) {
    const key: KeyObject =
      fresh === undefined
        ? READY.publicKey
        : createPublicKey({ key: fresh, format: 'raw-public', asymmetricKeyType: 'ed25519' })
    if (!verify(null, MESSAGE, key, signature)) throw new Error('a good signature does not hold')
  }
  return { ...NOTHING, seconds: (performance.now() - start) / 1_000, count: samples.length }
}

async function take(bytes: Uint8Array): Promise<Validated> {
  if (node === undefined) throw new Error('not open')
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  await takeBlock(node.chain, bytes)
  const seconds = (performance.now() - start) / 1_000
  // Whoever holds the loop last is seen only by the next look.
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  return { seconds, count: 0, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
}

process.on('message', async (message: ToValidate) => {
  switch (message.kind) {
    case 'open': {
      const { now } = message
      node = await openFullNode(directory, message.genesis, () => now)
      process.send?.(NOTHING)
      break
    }
    case 'raw':
      process.send?.(raw(message.seconds))
      break
    case 'prepare':
      prepare(message.count)
      process.send?.(NOTHING)
      break
    case 'prepared':
      process.send?.(verifyPrepared())
      break
    case 'block':
      process.send?.(await take(message.bytes))
  }
})
