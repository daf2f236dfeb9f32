import { availableParallelism } from 'node:os'
import { blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { type Bench, median, rounded } from '../figures/figure.ts'
import { startChild } from './child.ts'
import { createRegisterBlocks, SIGNATURES_PER_REGISTER } from './register-blocks.ts'
import type { ToValidate, Validated } from './validate-child.ts'

/** As many as the default policy allows in a block. */
const REGISTRATIONS = 4_000
/** What nothing may hold the event loop longer than, ms. */
const HOLD_MS = 50

/** What the cores do, all at once, with signatures as in a block of registrations and nothing else: signatures a second. */
async function bareOfAllCores(cores: number, signatures: number): Promise<number> {
  const children = await Promise.all(
    Array.from({ length: cores }, () => startChild<ToValidate, Validated>('validate-child.ts')),
  )
  try {
    const rates: number[] = []
    for (let round = 0; round < 3; round++) {
      await Promise.all(children.map((child) => child.ask({ kind: 'prepare', count: Math.ceil(signatures / cores) })))
      const done = await Promise.all(children.map((child) => child.ask({ kind: 'prepared' })))
      rates.push(done.reduce((sum, { count, seconds }) => sum + count / seconds, 0))
    }
    return median(rates)
  } finally {
    await Promise.all(children.map((child) => child.end()))
  }
}

/** Full blocks validated and stored, against the rate of bare signatures, and how long they hold the event loop. */
export const validate: Bench = async ({ quick, say }) => {
  const rounds = quick ? 2 : 8
  const rawSeconds = quick ? 1 : 3
  const cores = availableParallelism()
  const blocks = await createRegisterBlocks()
  const child = await startChild<ToValidate, Validated>('validate-child.ts')
  try {
    const now = blocks.builder.genesis.createdAt + 365 * 86_400_000
    await child.ask({ kind: 'open', genesis: genesisCodec.encode(blocks.builder.genesis), now })
    for (const { block } of blocks.builder.from(1)) await child.ask({ kind: 'block', bytes: blockCodec.encode(block) })
    const raws: number[] = []
    const taken: Validated[] = []
    // The first one warms the code up and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const { block } = await blocks.mine(REGISTRATIONS)
      const before = await child.ask({ kind: 'raw', seconds: rawSeconds })
      const one = await child.ask({ kind: 'block', bytes: blockCodec.encode(block) })
      const after = await child.ask({ kind: 'raw', seconds: rawSeconds })
      say(`validate: block ${round} of ${rounds}, ${one.seconds.toFixed(2)} s, loop held ${one.max.toFixed(0)} ms`)
      if (round === 0) continue
      raws.push((before.count + after.count) / (before.seconds + after.seconds))
      taken.push(one)
    }
    const signatures = REGISTRATIONS * SIGNATURES_PER_REGISTER
    const raw = median(raws)
    const blockSeconds = median(taken.map(({ seconds }) => seconds))
    const share = median(taken.map(({ seconds }, i) => signatures / seconds / (cores * (raws[i] as number))))
    say('validate: the same signatures, bare, on all cores')
    const bare = await bareOfAllCores(cores, signatures)
    const max = Math.max(...taken.map((one) => one.max))
    return {
      name: 'validate',
      question: `Blocks of ${REGISTRATIONS} register transactions validated and stored, against the rate at which the cores verify bare signatures.`,
      rounds,
      measures: [
        { name: 'validated and stored', value: rounded(1 / blockSeconds), unit: 'blocks/s' },
        { name: 'validated and stored', value: rounded(REGISTRATIONS / blockSeconds), unit: 'transactions/s' },
        { name: 'signatures verified on the way', value: rounded(signatures / blockSeconds), unit: '1/s' },
        { name: 'limit: node:crypto verify in a loop on one core', value: rounded(raw), unit: '1/s' },
        { name: 'cores', value: cores, unit: '' },
        { name: 'limit: the same mix of known and new keys, bare, on all cores', value: rounded(bare), unit: '1/s' },
        { name: 'event-loop delay, 99 of 100', value: rounded(median(taken.map(({ p99 }) => p99))), unit: 'ms' },
        { name: 'event-loop delay, longest of all', value: rounded(max), unit: 'ms' },
      ],
      ratios: [
        { name: 'signatures / (cores × bare rate)', value: rounded(share), target: 0.7 },
        { name: 'the same mix, bare, on all cores / (cores × bare rate)', value: rounded(bare / (cores * raw)) },
        { name: 'signatures / the same mix, bare, on all cores', value: rounded(signatures / blockSeconds / bare) },
        { name: `${HOLD_MS} ms / longest event-loop delay`, value: rounded(HOLD_MS / max), target: 1 },
      ],
      notes: [
        `Each registration has ${SIGNATURES_PER_REGISTER} signatures (voucher, its claim, wallet, endorsement), of which two are of keys never seen before. No signature was known before its block came.`,
        'Validated and stored: block bytes decoded, header, seal, transaction root, every rule, every signature, state tree and root, one synced batch of LevelDB, in a process of its own with the threads and limits of a relay.',
        'The bare rate is measured in the same process before and after each block, on one core that has nothing else to do; the ratio is that of each round, then the median.',
        'A key that was never seen has to be imported and set up by OpenSSL before its first signature, which takes two thirds of the time of a verification: no chain that calls node:crypto is above the second limit.',
        'The delay is that of perf_hooks (resolution 1 ms) in the validating process while a block is taken in. The system counts in it: while other programs want the cores, the process waits for them.',
      ],
    }
  } finally {
    await child.end()
  }
}
