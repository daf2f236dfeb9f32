import { setTimeout as pause } from 'node:timers/promises'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../shared/crypto/recovery-wordlist.ts'
import { deriveSeed, encodeRecoveryWords } from '../../shared/crypto/recovery-words.ts'
import { LaresError } from '../../shared/errors.ts'
import type { ParsedFlags } from '../config.ts'
import { createNodeSigner, generateEntropy } from '../crypto/node-signer.ts'
import type { Removal, RosterView } from '../roster/door.ts'
import { describeMotion, type Motion, ownerMessageOf, parseMotion } from '../roster/motion.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { isWanted } from './assert-wanted.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK, JSON_FLAG, YES_FLAG } from './command.ts'
import { askSigningOwners } from './owner-words.ts'
import { countOf, formatJson, formatTable } from './text.ts'
import { wordsBox } from './words-box.ts'

/** A registration or a change is looked for this often, and for so long, ms. */
const LOOK_MS = 1_000
const PATIENCE_MS = 5 * 60_000
/** A registration that is in no block yet is handed in again after so many looks. */
const LOOKS_PER_TRY = 3
/** For a relay that was just started, ms; and what it says until it is ready. */
const START_PATIENCE_MS = 2 * 60_000
const STARTING: ReadonlySet<string> = new Set(['not-ready', 'not-enough-endorsements'])

export const rosterShow: Command = {
  name: 'roster show',
  parameters: '',
  summary: 'who mines and votes, who admits newcomers',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const view = await askRelay<RosterView>(dataDirOf(input, context), '/roster')
    context.print(input.values['json'] === true ? formatJson(view) : describeRoster(view).join('\n'))
    return EXIT_OK
  },
}

function describeRoster(view: RosterView): string[] {
  const rows = view.seats.map(({ seat, deviceId, isOwn, sealed }) => [
    `  seat ${seat}`,
    deviceId ?? (view.isLight ? 'its device is known to relays alone' : 'never registered'),
    `sealed ${sealed} of the last ${Math.min(view.height, 100)} blocks`,
    isOwn ? 'this relay' : '',
  ])
  const places = view.seats.flatMap(({ seat, addresses }) => addresses.map((address) => `  seat ${seat}  ${address}`))
  const { own } = view
  return [
    `${countOf(view.seats.length, 'seat')}, change ${view.changeNumber}; a motion needs ${countOf(view.votesNeeded, 'vote')}, or ${view.owners.threshold} of ${countOf(view.owners.keys.length, 'owner')}.`,
    formatTable(rows),
    ...(places.length === 0 ? [] : ['Where they are reached, by the ledger:', ...places]),
    view.coordination.length === 0 ? 'No coordination node.' : 'Coordination nodes:',
    ...view.coordination.map((device) => `  ${device}`),
    ...(own.seat === undefined ? [withoutSeat(view)] : []),
  ]
}

function withoutSeat({ isLight, own }: RosterView): string {
  if (!isLight) return 'This relay holds no seat: "lares roster propose" asks for one.'
  return own.coordinates
    ? 'This node admits newcomers.'
    : 'This node is not a coordination node yet: "lares roster propose" asks for it.'
}

/** Registers the relay first where that is still to be done. Its recovery words are made and shown here, not in the relay. */
export const rosterPropose: Command = {
  name: 'roster propose',
  parameters: '[--voucher TEXT] [--remove SEAT|ID]',
  summary: 'ask for a seat for this relay, or propose that another gives up its role',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    voucher: { type: 'string', hint: 'TEXT', help: 'of this network, for a relay that is not in the ledger yet' },
    remove: {
      type: 'string',
      hint: 'SEAT|ID',
      help: 'the seat to take away, by its number, or the coordination node, by its device ID',
    },
  },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const remove = removalOf(input)
    const { own } = await askRelay<RosterView>(dataDir, '/roster')
    const { voucher } = input.values
    if (remove === undefined && own.deviceId === undefined && typeof voucher === 'string')
      await registerRelay(dataDir, voucher, context)
    const body = remove === undefined ? {} : { remove }
    const { motion } = await askRelay<{ motion: string }>(dataDir, '/roster/proposal', 'POST', { body })
    for (const line of describeMotion(readMotion(motion))) context.print(line)
    context.print(
      [
        '',
        'The motion:',
        `  ${motion}`,
        '',
        'It counts once two thirds of the seats, or the owners, stand behind it:',
      ].join('\n'),
    )
    context.print('  the owner      lares roster submit MOTION')
    context.print(
      '  or each keeper lares roster vote MOTION, and then anyone: lares roster submit MOTION --votes VOTE,VOTE',
    )
    return EXIT_OK
  },
}

/**
 * Registers the relay of a data directory by a voucher, shows its recovery words, and waits for the block.
 * @throws {LaresError} with a sentence for a person
 */
export async function registerRelay(dataDir: string, voucher: string, context: CliContext): Promise<void> {
  const entropy = generateEntropy()
  const recoveryKey = toHex(createNodeSigner(deriveSeed(entropy, 'recovery')).publicKey)
  context.print(
    wordsBox(encodeRecoveryWords(entropy, RECOVERY_WORDLIST), {
      title: 'Recovery words of this relay',
      explanation: [
        'They give it new keys when its own are lost or stolen.',
        'Write them down: they are shown this once.',
      ],
    }),
  )
  const handIn = () => askRelay(dataDir, '/roster/registration', 'POST', { body: { voucher, recoveryKey } })
  const until = context.now() + START_PATIENCE_MS
  for (;;) {
    try {
      await handIn()
      break
    } catch (error) {
      // A relay that was just started has the chain to fetch, and the other coordination nodes to find.
      if (!(error instanceof LaresError) || !STARTING.has(error.code) || context.now() >= until) throw error
      await pause(LOOK_MS)
    }
  }
  context.print('The registration is handed in; waiting for its block …')
  // A change of the coordination set, as there is one right after the founding, voids what waits with the old endorsements.
  let looks = 0
  async function isRegistered({ own }: RosterView): Promise<boolean> {
    if (own.deviceId !== undefined) return true
    looks++
    // Refused where it still waits, or is in a block that this node has not seen settled.
    if (looks % LOOKS_PER_TRY === 0) await handIn().catch(onlyRefusals)
    return false
  }
  await waitFor(dataDir, context, isRegistered, 'The registration is in no block yet')
}

function onlyRefusals(error: unknown): void {
  if (!(error instanceof LaresError)) throw error
}

export const rosterVote: Command = {
  name: 'roster vote',
  parameters: 'MOTION',
  summary: 'vote for a motion with the seat of this relay',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: ['MOTION'],
  async run(input, context) {
    const text = input.positionals[0] as string
    for (const line of describeMotion(readMotion(text))) context.print(line)
    if (!(await isWanted(input, context, 'Vote for this?'))) return EXIT_FAILED
    const body = { motion: text }
    const { vote } = await askRelay<{ vote: string }>(dataDirOf(input, context), '/roster/vote', 'POST', { body })
    context.print(['', 'The vote:', `  ${vote}`].join('\n'))
    return EXIT_OK
  },
}

export const rosterSubmit: Command = {
  name: 'roster submit',
  parameters: 'MOTION [--votes VOTE,VOTE]',
  summary: "carry out a motion: with the votes of two thirds, or the owner's words",
  flags: {
    'data-dir': DATA_DIR_FLAG,
    votes: {
      type: 'string',
      hint: 'VOTE,VOTE',
      help: 'what "lares roster vote" has printed; without, the owners sign',
    },
    yes: YES_FLAG,
  },
  positionals: ['MOTION'],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const text = input.positionals[0] as string
    const motion = readMotion(text)
    for (const line of describeMotion(motion)) context.print(line)
    if (!(await isWanted(input, context, 'Carry this out?'))) return EXIT_FAILED
    const before = await askRelay<RosterView>(dataDir, '/roster')
    const { votes } = input.values
    const approval =
      typeof votes === 'string'
        ? { votes: votes.split(/[\s,]+/).filter(Boolean) }
        : { owners: await sign(motion, before, context) }
    await askRelay(dataDir, '/roster/change', 'POST', { body: { motion: text, ...approval } })
    context.print('Handed in; waiting for its block …')
    const hasChanged = (view: RosterView) =>
      motion.items.every(({ TAG }) =>
        TAG === 'coordination'
          ? view.coordination.join() !== before.coordination.join()
          : view.changeNumber > before.changeNumber,
      )
    const view = await waitFor(dataDir, context, hasChanged, 'The change is in no block yet')
    context.print(describeRoster(view).join('\n'))
    return EXIT_OK
  },
}

/** The owners' signatures on each item. @throws {LaresError} `bad-words`, `not-the-owner` */
async function sign({ networkId, items }: Motion, view: RosterView, context: CliContext) {
  if (toHex(networkId) !== view.networkId)
    throw new LaresError('another-network', 'This motion is for another network.')
  const sorted = await askSigningOwners(view.owners, context)
  return Promise.all(
    items.map((item) =>
      Promise.all(
        sorted.map(async ([owner, signer]) => ({
          owner,
          signature: toHex(await signer.sign(ownerMessageOf(fromHex(view.networkId), item, view.changeNumber + 1))),
        })),
      ),
    ),
  )
}

async function waitFor(
  dataDir: string,
  { now }: CliContext,
  holds: (view: RosterView) => boolean | Promise<boolean>,
  otherwise: string,
): Promise<RosterView> {
  const until = now() + PATIENCE_MS
  for (;;) {
    const view = await askRelay<RosterView>(dataDir, '/roster')
    if (await holds(view)) return view
    if (now() >= until)
      throw new LaresError(
        'no-block',
        `${otherwise}. See with "lares roster show" later; "lares status" says whether blocks come.`,
      )
    await pause(LOOK_MS)
  }
}

function readMotion(text: string): Motion {
  const motion = parseMotion(text)
  if (!motion.ok) throw new LaresError(motion.code, motion.detail)
  return motion.value
}

/** @throws {LaresError} `usage` */
function removalOf({ values }: ParsedFlags): Removal | undefined {
  const text = values['remove']
  if (text === undefined) return undefined
  if (typeof text === 'string' && /^\d{1,5}$/.test(text)) return { seat: Number(text) }
  if (typeof text === 'string' && /^lares/i.test(text)) return { deviceId: text }
  throw new LaresError('usage', `--remove takes the number of a seat, or a device ID, not "${text}".`)
}
