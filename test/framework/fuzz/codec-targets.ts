/** Every codec there is, found by name in the sources: one that has no valid example in the corpus is an error. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { equalBytes } from '../../../shared/bytes.ts'
import type { Codec } from '../../../shared/codec.ts'
import type { Result } from '../../../shared/errors.ts'
import { decodeDirectory } from '../../../shared/fleet/directory.ts'
import { decodeNodeRecord, encodeInnerRecord, encodeLeafRecord } from '../../../shared/state-tree/record.ts'
import { decodeStartPoint } from '../../../shared/sync/start-point.ts'
import { createFrameReader, encodeFrame } from '../../../shared/transport/frame.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import type { FuzzRandom } from './random.ts'
import type { FuzzTarget } from './run.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SIDES = ['shared', 'web', 'node-relay']
const EXPORTED = /^export const (\w+Codec)\b/gm
/** Longer inputs than the format allows are tried, but not by much. */
const BEYOND = 64
/** Largest input, whatever the format allows: megabytes would be copied more than decoded. Bytes. */
const LARGEST_INPUT = 200_000
/** A rejection is for logs and people. Characters. */
const LONGEST_DETAIL = 500

export interface NamedCodec {
  readonly name: string
  readonly codec: Codec<unknown>
}

/** All exported codecs of the sources. */
export async function findCodecs(): Promise<NamedCodec[]> {
  const found: NamedCodec[] = []
  for (const side of SIDES)
    for (const file of readdirSync(join(ROOT, side), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.tsx?$/.test(file)) continue
      const path = join(ROOT, side, file)
      const names = [...readFileSync(path, 'utf8').matchAll(EXPORTED)].map(([, name]) => name as string)
      if (names.length === 0) continue
      const module = (await import(pathToFileURL(path).href)) as Record<string, Codec<unknown>>
      for (const name of names)
        found.push({ name: `${name} of ${side}/${file}`, codec: module[name] as Codec<unknown> })
    }
  return found
}

/**
 * What is asked of a rejection, of a codec as of any reader.
 * @param longest characters of its detail
 */
export function checkResult(result: Result<unknown>, longest = LONGEST_DETAIL): void {
  if (result.ok === true) return
  if (result.ok !== false) throw new Error(`neither good nor bad: ${JSON.stringify(result)}`)
  if (!/^[a-z][a-z0-9-]*$/.test(result.code)) throw new Error(`no code: ${result.code}`)
  if (typeof result.detail !== 'string' || result.detail.length > longest)
    throw new Error(`a detail of ${result.detail.length} characters`)
}

/** A target for a decoder of bytes: coded rejections, input left alone, one form for each value. */
export function decoderTarget(init: {
  readonly name: string
  readonly share?: number
  readonly maxLength: number
  readonly valid: readonly Uint8Array[]
  readonly others: readonly Uint8Array[]
  readonly decode: (bytes: Uint8Array) => Result<unknown>
  /** Undefined: the value is not written again. */
  readonly encode?: (value: never) => Uint8Array
}): FuzzTarget<Uint8Array> {
  if (init.valid.length === 0) throw new Error(`the corpus has no valid example for ${init.name}`)
  const others = [...init.valid, ...init.valid, ...init.others]
  const longest = Math.min(init.maxLength + BEYOND, LARGEST_INPUT)
  return {
    name: init.name,
    share: init.share ?? 1,
    make: (random: FuzzRandom) => mutateBytes(random.pick(init.valid), random, others, longest),
    check(input) {
      const copy = input.slice()
      const result = init.decode(input)
      checkResult(result)
      if (!equalBytes(copy, input)) throw new Error('the input was changed')
      if (result.ok && init.encode !== undefined && !equalBytes(init.encode(result.value as never), copy))
        throw new Error('it decodes, and is written in another form')
    },
  }
}

/** @throws when a codec is not in the corpus */
export async function codecTargets(corpus: Corpus): Promise<FuzzTarget<Uint8Array>[]> {
  const small = corpus.bytes.filter(({ length }) => length < 4_096)
  const codecs = (await findCodecs()).map(({ name, codec }) =>
    decoderTarget({
      name,
      maxLength: codec.maxLength,
      valid: corpus.bytes.filter((bytes) => codec.decode(bytes).ok),
      others: small,
      decode: (bytes) => codec.decode(bytes),
      encode: (value) => codec.encode(value),
    }),
  )
  const reader = (name: string, maxLength: number, decode: (bytes: Uint8Array) => Result<unknown>) =>
    decoderTarget({
      name,
      maxLength,
      valid: corpus.bytes.filter((bytes) => decode(bytes).ok),
      others: small,
      decode,
    })
  return [
    ...codecs,
    reader('decodeDirectory', 4_096, decodeDirectory),
    reader('decodeStartPoint', 64 * 1024, decodeStartPoint),
    decoderTarget({
      name: 'decodeNodeRecord',
      maxLength: 4_096,
      valid: corpus.bytes.filter((bytes) => decodeNodeRecord(bytes).ok && bytes.length < 512),
      others: small,
      decode: decodeNodeRecord,
      encode: writeNode as (value: never) => Uint8Array,
    }),
    frameTarget(corpus),
  ] as FuzzTarget<Uint8Array>[]
}

type Node = Extract<ReturnType<typeof decodeNodeRecord>, { ok: true }>['value']

function writeNode(node: Node): Uint8Array {
  return node.kind === 'leaf'
    ? encodeLeafRecord(node.key, node.value)
    : encodeInnerRecord(node.bitDepth, node.prefix, node.left, node.right)
}

const FRAME_LIMIT = 2_048

interface FrameInput {
  readonly bytes: Uint8Array
  /** Lengths of the pieces in which it arrives. */
  readonly pieces: readonly number[]
}

/** Frames in pieces of any size; what is read is what was sent. */
function frameTarget(corpus: Corpus): FuzzTarget<FrameInput> {
  const frames = corpus.bytes.filter(({ length }) => length < FRAME_LIMIT).map(encodeFrame)
  return {
    name: 'frames',
    share: 1,
    make: (random) => ({
      bytes: mutateBytes(random.pick(frames), random, frames, FRAME_LIMIT + BEYOND),
      pieces: Array.from({ length: 1 + random.below(8) }, () => 1 + random.below(random.pick([3, 40, 2_000]))),
    }),
    check({ bytes, pieces }) {
      const reader = createFrameReader(FRAME_LIMIT)
      let at = 0
      for (let turn = 0; at < bytes.length; turn++) {
        const length = pieces[turn % pieces.length] as number
        const outcome = reader.push(bytes.subarray(at, at + length))
        at += length
        if (outcome === undefined) continue
        checkResult(outcome)
        if (outcome.ok && !equalBytes(encodeFrame(outcome.value), bytes.subarray(0, Math.min(at, bytes.length))))
          throw new Error('another frame than was sent')
        return
      }
    },
  }
}
