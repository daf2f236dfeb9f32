import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { ParsedFlags } from '../config.ts'
import { inspectDataDir, openDataDir } from '../data-dir.ts'
import type { RebuildOutcome } from '../full-node/rebuild-chain.ts'
import type { ChainStore as Store } from '../store/chain-store.ts'
import { dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK } from './command.ts'
import { countOf } from './text.ts'

const CHAIN = 'chain'

export const dbVerify: Command = {
  name: 'db verify',
  parameters: '',
  summary: 'look at every record of the stopped relay, and say what helps',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    repair: { type: 'boolean', hint: '', help: 'make anew from the blocks whatever is damaged' },
  },
  positionals: [],
  async run(input, context) {
    return await withChain(input, context, async (location, dataDir) => {
      const wantsRepair = input.values['repair'] === true
      const finding = await examine(location, context)
      if (finding.kind === 'whole') {
        context.print(finding.sentence)
        return EXIT_OK
      }
      for (const one of finding.damages) context.printError(`  ${one}`)
      if (!wantsRepair) {
        context.printError(
          finding.lostBody === undefined
            ? 'The database is damaged. "lares db verify --repair" makes it anew from its blocks; nothing is lost by that.'
            : await lostSentence(location, finding.lostBody),
        )
        return EXIT_FAILED
      }
      const outcome = await rebuild(location, dataDir, context)
      if (outcome.kind === 'block-lost') {
        context.printError(await lostSentence(location, outcome.height))
        return EXIT_FAILED
      }
      context.print(`Repaired: blocks 0 to ${outcome.height} were validated, and all else was made anew from them.`)
      if (outcome.restored !== undefined) context.print(mustNotSeal(outcome))
      return EXIT_OK
    })
  },
}

export const dbCompact: Command = {
  name: 'db compact',
  parameters: '',
  summary: 'give room on the disk back, of the stopped relay',
  flags: { 'data-dir': DATA_DIR_FLAG },
  positionals: [],
  async run(input, context) {
    return await withChain(input, context, async (location) => {
      const before = sizeOf(location)
      const { ChainStore } = await import('../store/chain-store.ts')
      const store = await ChainStore.open(location)
      try {
        await store.compact()
      } finally {
        await store.close()
      }
      context.print(`The database takes ${megabytes(sizeOf(location))} now, ${megabytes(before)} before.`)
      return EXIT_OK
    })
  },
}

export const dbRollback: Command = {
  name: 'db rollback',
  parameters: '--to HEIGHT',
  summary: "take the chain of the stopped relay back to a block; needs the owner's words",
  flags: {
    'data-dir': DATA_DIR_FLAG,
    to: { type: 'string', hint: 'HEIGHT', help: 'the block that becomes the last one' },
    'below-settled': { type: 'boolean', hint: '', help: 'even where phones have taken later blocks for final' },
  },
  positionals: [],
  async run(input, context) {
    const to = heightOf(input.values['to'])
    return await withChain(input, context, async (location, dataDir) => {
      const { tip, settled } = await extent(location)
      if (tip !== undefined && to > tip) throw new LaresError('no-such-block', `The chain ends at block ${tip}.`)
      if (tip === to) {
        context.print(`Block ${to} is the last one already; nothing was changed.`)
        return EXIT_OK
      }
      if ((settled === undefined || to < settled) && input.values['below-settled'] !== true)
        throw new LaresError(
          'below-settled',
          `${settled === undefined ? 'Which block is settled cannot be read, so' : `Blocks up to ${settled} are settled:`} phones take them for final, and follow this relay below them only after its owner has signed a recovery statement. Add --below-settled if that is meant.`,
        )
      const { askOwnerKeys, assertOwners } = await import('./owner-words.ts')
      const keys = await askOwnerKeys(context)
      const outcome = await rebuild(location, dataDir, context, {
        to,
        confirm: async (roster) => assertOwners(keys, roster),
      })
      if (outcome.kind === 'block-lost') {
        context.printError(await lostSentence(location, outcome.height))
        return EXIT_FAILED
      }
      const lost = tip === undefined ? '' : `; ${countOf(tip - outcome.height, 'block')} above it went`
      context.print(`Block ${outcome.height} is the last one now${lost}.`)
      if (outcome.restored !== undefined) context.print(mustNotSeal(outcome))
      return EXIT_OK
    })
  },
}

/** With the lock of the data folder, so that no relay works in it meanwhile. */
async function withChain(
  input: ParsedFlags,
  context: CliContext,
  work: (location: string, dataDir: string) => Promise<number>,
): Promise<number> {
  const path = dataDirOf(input, context)
  const found = inspectDataDir(path)
  if (!found.ok) throw new LaresError(found.code, found.detail)
  if (found.value !== 'relay')
    throw new LaresError('no-relay', `There is no relay in ${path}; name its folder with --data-dir.`)
  const dataDir = openDataDir(path)
  if (!dataDir.ok) throw new LaresError(dataDir.code, dataDir.detail)
  try {
    return await work(join(path, CHAIN), path)
  } finally {
    dataDir.value.close()
  }
}

type Finding =
  | { readonly kind: 'whole'; readonly sentence: string }
  | { readonly kind: 'damaged'; readonly damages: readonly string[]; readonly lostBody: number | undefined }

async function examine(location: string, context: CliContext): Promise<Finding> {
  const { ChainStore } = await import('../store/chain-store.ts')
  const { verifyChain } = await import('../full-node/verify-chain.ts')
  const { createNodeVerifier } = await import('../crypto/node-verifier.ts')
  let store: Store
  try {
    store = await ChainStore.open(location)
  } catch (error) {
    if (!(error instanceof LaresError) || error.code !== 'database-damaged') throw error
    return { kind: 'damaged', damages: [error.message], lostBody: undefined }
  }
  try {
    const report = await verifyChain({
      store,
      verifier: createNodeVerifier(),
      onProgress: (sentence) => context.print(`  ${sentence}`),
    })
    if (report.damageCount === 0)
      return {
        kind: 'whole',
        sentence: `The database is whole: ${countOf(report.records, 'record')}, blocks 0 to ${report.verifiedTo}; headers, seals, roster changes, bodies, state, history and indexes were verified.`,
      }
    const more = report.damageCount - report.damages.length
    const damages = more === 0 ? report.damages : [...report.damages, `and ${more} more`]
    return { kind: 'damaged', damages, lostBody: report.lostBody }
  } finally {
    await store.close()
  }
}

async function rebuild(
  location: string,
  dataDir: string,
  context: CliContext,
  more: Pick<Parameters<typeof import('../full-node/rebuild-chain.ts').rebuildChain>[0], 'to' | 'confirm'> = {},
): Promise<RebuildOutcome> {
  const { rebuildChain } = await import('../full-node/rebuild-chain.ts')
  const { createNodeVerifier } = await import('../crypto/node-verifier.ts')
  const { loadKeys } = await import('../full-node/keys.ts')
  const { sealing, next } = await loadKeys(dataDir)
  return await rebuildChain({
    location,
    verifier: createNodeVerifier(),
    sealingKeys: [sealing, next?.sealing].flatMap((key) => key?.publicKey ?? []),
    now: context.now,
    onProgress: (sentence) => context.print(`  ${sentence}`),
    ...more,
  })
}

/** Names the command that helps when a block is gone. */
async function lostSentence(location: string, height: number): Promise<string> {
  const to = height - 1
  const { tip, settled } = await extent(location)
  const flag = settled === undefined || to < settled ? ' --below-settled' : ''
  const lost =
    tip === undefined
      ? 'the blocks above it are'
      : `${countOf(tip - to, 'block')} above it ${tip - to === 1 ? 'is' : 'are'}`
  return `Block ${height} is lost, and nothing here brings it back. Restore a backup that has it, or run "lares db rollback --to ${to}${flag}": ${lost} lost by that, and the owner's recovery words are asked for.`
}

/** Heights of the last and of the settled block, as far as they can be read. */
async function extent(location: string): Promise<{ tip: number | undefined; settled: number | undefined }> {
  const { ChainStore } = await import('../store/chain-store.ts')
  const store = await ChainStore.open(location, { repair: true })
  const readable = (read: () => number | undefined) => {
    try {
      return read()
    } catch {
      return undefined
    }
  }
  try {
    const highest = await store.highestHeader()
    return {
      tip: readable(() => store.tip()?.height) ?? highest?.sealed.header.height,
      settled: readable(() => store.settled()?.height ?? 0),
    }
  } finally {
    await store.close()
  }
}

function mustNotSeal({ restored }: Extract<RebuildOutcome, { kind: 'rebuilt' }>): string {
  const sealed =
    restored?.highestSealed === undefined ? 'later blocks' : `blocks up to ${restored.highestSealed.height}`
  return `This relay sealed ${sealed} that others may know. It serves what it has, and seals nothing until they come back from another relay, or its owner lets it go on with a new sealing key: start it, and run "lares recover".`
}

/** @throws {LaresError} `usage` */
function heightOf(text: unknown): number {
  if (typeof text === 'string' && /^\d{1,10}$/.test(text)) return Number(text)
  throw new LaresError('usage', 'Say to which block: lares db rollback --to HEIGHT.')
}

function sizeOf(location: string): number {
  return readdirSync(location).reduce((sum, name) => sum + statSync(join(location, name)).size, 0)
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`
}
