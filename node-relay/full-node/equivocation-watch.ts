import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Result } from '../../shared/errors.ts'
import { hashHeader, SEALED_HEADER_LENGTH, type SealedHeader, sealedHeaderCodec } from '../../shared/header/header.ts'
import { checkRosterChange } from '../../shared/proof/roster-change.ts'
import { memberAt } from '../../shared/roster/roster.ts'
import type { RosterChange } from '../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { FullChain } from './chain.ts'
import { deviceOfWallet } from './views.ts'

const EVIDENCE_FILE = 'evidence.json'
/** Headers remembered, to be compared with others on the same parent; the oldest goes. */
export const MAX_WATCHED_HEADERS = 8_192
/** Pairs kept until their seat is gone; the oldest goes. */
export const MAX_EVIDENCE = 32

export interface EquivocationWatch {
  /** A block was taken in, on whatever branch. */
  see(node: ChainNode): void
  /** Hands in, again and again, what is not in the chain yet. */
  offer(): Promise<void>
}

/**
 * Keeps two headers that one seat has sealed on one parent, and hands them in: the seat is taken away (DESIGN 2). They are
 * written down before anything else, since nobody else may have both.
 */
export function createEquivocationWatch(init: {
  readonly dataDir: string
  readonly chain: FullChain
  readonly verifier: SignatureVerifier
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  /** Once for each pair. */
  report(seat: number, height: number): void
}): EquivocationWatch {
  const { chain, verifier } = init
  const { networkId } = chain.rules
  const path = join(init.dataDir, EVIDENCE_FILE)
  const seen = createSeenHeaders()
  const evidence = readEvidence(path)

  function write(): void {
    const pairs = evidence.map((pair) => pair.map((sealed) => toHex(sealedHeaderCodec.encode(sealed))))
    try {
      writeFileAtomic(path, `${JSON.stringify({ version: 1, pairs })}\n`)
    } catch {
      // A full disk: it is in memory still, and handed in all the same.
    }
  }

  /** The change that takes the seat away; undefined when it stands no more, or was never to be. */
  async function changeFor([first, second]: Pair): Promise<RosterChange | undefined> {
    const { roster, height } = chain.tip
    const member = memberAt(roster, first.header.seat)
    if (member === undefined) return undefined
    const changeBy = (deviceId: Uint8Array): RosterChange => ({
      changeNumber: roster.changeNumber + 1,
      action: { TAG: 'equivocation', data: { deviceId, first, second } },
    })
    // Whether it can stand at all is known without walking over all devices for the one that has the seat.
    const checked = checkRosterChange(roster, changeBy(member.walletId), { networkId, height: height + 1 })
    if (!checked.ok) return undefined
    const verdicts = await verifier.verifyBatch(checked.value.signatures)
    const device = verdicts.every(Boolean) ? deviceOfWallet(chain.state, member.walletId) : undefined
    return device && changeBy(device.deviceId)
  }

  return {
    see({ id, parentId, sealed }) {
      const { seat, height } = sealed.header
      const key = `${parentId} ${seat}`
      const first = seen.get(key)
      if (first === undefined) return seen.put(key, sealed)
      if (idOf(first) === id || evidence.some(([one, other]) => [one, other].some((known) => idOf(known) === id)))
        return
      evidence.push([first, sealed])
      if (evidence.length > MAX_EVIDENCE) evidence.shift()
      write()
      init.report(seat, height)
    },

    async offer() {
      for (const pair of [...evidence]) {
        const change = await changeFor(pair)
        if (change !== undefined) await init.submit(transactionCodec.encode({ TAG: 'rosterChange', data: change }))
        else if (memberAt(chain.graph.settled.node.roster, pair[0].header.seat) === undefined) {
          // Settled: the seat is gone for good.
          evidence.splice(evidence.indexOf(pair), 1)
          write()
        }
      }
    },
  }
}

interface SeenHeaders {
  get(key: string): SealedHeader | undefined
  put(key: string, sealed: SealedHeader): void
}

/** The newest headers, encoded in one piece of memory: as objects they would take ten times as much, and grow for days. */
function createSeenHeaders(): SeenHeaders {
  const encoded = new Uint8Array(MAX_WATCHED_HEADERS * SEALED_HEADER_LENGTH)
  const places = new Map<string, number>()
  let next = 0
  return {
    get(key) {
      const place = places.get(key)
      if (place === undefined) return undefined
      const sealed = sealedHeaderCodec.decode(encoded.slice(place, place + SEALED_HEADER_LENGTH))
      return sealed.ok ? sealed.value : undefined
    },
    put(key, sealed) {
      // Places are given out in turn, so the oldest is the one that is next.
      if (places.size === MAX_WATCHED_HEADERS) places.delete(places.keys().next().value as string)
      encoded.set(sealedHeaderCodec.encode(sealed), next)
      places.set(key, next)
      next = (next + SEALED_HEADER_LENGTH) % encoded.length
    },
  }
}

type Pair = readonly [SealedHeader, SealedHeader]

function idOf({ header }: SealedHeader): string {
  return toHex(hashHeader(header))
}

/** A file that cannot be read is as none: who has seen both headers has them still. */
function readEvidence(path: string): Pair[] {
  try {
    const { version, pairs } = JSON.parse(readFileSync(path, 'utf8')) as { version: number; pairs: [string, string][] }
    if (version !== 1) return []
    return pairs.flatMap((texts) => {
      const [first, second] = texts.map((text) => sealedHeaderCodec.decode(fromHex(text)))
      return first?.ok && second?.ok ? [[first.value, second.value] as const] : []
    })
  } catch {
    return []
  }
}
