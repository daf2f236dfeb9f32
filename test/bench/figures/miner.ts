import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createHasher } from '../../../node-relay/mining/hasher.ts'
import { HEADER_LENGTH } from '../../../shared/header/header.ts'
import { alternate, type Bench, rounded } from './figure.ts'

const ROUNDS = 7
const ROUND_MS = 2_000
/** Bytes looked at between two looks at the clock. */
const BARE_BATCH = 1_000

/** Hashes a second of the relay's mining thread, at a full core, against a bare loop of node:crypto. */
export const miner: Bench = async ({ quick, say }) => {
  const rounds = quick ? 1 : ROUNDS
  const ms = quick ? 100 : ROUND_MS
  say('miner: hashes a second')
  const hasher = createHasher({ share: 1 })
  const header = new Uint8Array(HEADER_LENGTH)

  async function ours(): Promise<number> {
    const before = hasher.totals()
    // No hash meets it.
    const search = hasher.search(header, 0n).catch(() => undefined)
    const start = performance.now()
    // It reports after each slice, which on a busy machine may take longer than the round.
    do await pause(ms)
    while (hasher.totals().hashes === before.hashes)
    const { hashes } = hasher.totals()
    const rate = (hashes - before.hashes) / ((performance.now() - start) / 1_000)
    const stop = AbortSignal.abort()
    await hasher.search(header, 0n, { signal: stop }).catch(() => undefined)
    await search
    return rate
  }

  function bare(): number {
    const bytes = Buffer.from(header)
    const start = performance.now()
    let hashes = 0
    while (performance.now() - start < ms) {
      for (let index = 0; index < BARE_BATCH; index++) {
        bytes.writeUInt32BE(hashes + index, HEADER_LENGTH - 4)
        hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer')
      }
      hashes += BARE_BATCH
    }
    return hashes / ((performance.now() - start) / 1_000)
  }

  // The thread starts with its first search; both sides are compiled by then.
  await ours()
  bare()
  const rates = await alternate(rounds, { ours, bare })
  await hasher.close()
  return {
    name: 'miner',
    question: 'Header hashes a second of the mining thread at a full core, against a bare node:crypto loop.',
    rounds,
    measures: [
      { name: 'mining thread', value: rounded(rates.ours), unit: 'hashes/s' },
      { name: 'bare node:crypto loop', value: rounded(rates.bare), unit: 'hashes/s' },
    ],
    ratios: [{ name: 'mining thread / bare loop', value: rounded(rates.ours / rates.bare), target: 0.95 }],
    notes: [
      `SHA-256d of ${HEADER_LENGTH} bytes, one thread. The mining thread also counts nonces, compares with the target, and looks at its cancel flag and the clock; the bare loop does nothing with its digests.`,
      'The thread compares digests as binary text, which is cheaper to make than a second buffer: that is how it can be ahead of the bare loop.',
      'With 5 % of a core, the default, a relay mines at a twentieth of this.',
    ],
  }
}
