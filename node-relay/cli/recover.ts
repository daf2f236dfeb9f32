import { fromHex, toHex } from '../../shared/bytes.ts'
import { restoredSentence } from '../../shared/chain/recovery-words.ts'
import { LaresError } from '../../shared/errors.ts'
import { ownerMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { hashChangeContent, type RosterAction, recoveryCodec } from '../../shared/transaction/roster-change.ts'
import type { RecoveryProposal, RecoveryView } from '../recovery/recovery.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK } from './command.ts'
import { askOwners } from './owner-words.ts'
import { countOf, formatTime } from './text.ts'

/**
 * The end of a restore: shows what peers and phones know of later blocks, and lets the owner sign that the network goes on
 * from the backup with a new sealing key. The words are read here and never reach the relay.
 */
export const recover: Command = {
  name: 'recover',
  parameters: '',
  summary: "let a restored relay go on from its backup; needs the owner's words",
  flags: {
    'data-dir': DATA_DIR_FLAG,
    yes: { type: 'boolean', hint: '', help: 'do not ask whether to go on' },
  },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const { recovery } = await askRelay<{ recovery: RecoveryView | null }>(dataDir, '/recovery')
    if (recovery === null) {
      context.print('This relay was not restored: there is nothing to recover.')
      return EXIT_OK
    }
    for (const line of describe(recovery)) context.print(line)
    if (input.values['yes'] !== true && !(await isWanted(context))) return EXIT_FAILED

    const proposal = await askRelay<RecoveryProposal>(dataDir, '/recovery/proposal', 'POST')
    const body = { recovery: proposal.recovery, signatures: await sign(proposal, context) }
    await askRelay(dataDir, '/recovery', 'POST', { body })
    context.print('Signed. The relay seals its next block with a new key, and tells every phone what is lost.')
    return EXIT_OK
  },
}

function describe({ height, time, asked, newest }: RecoveryView): string[] {
  const lines = [`The chain of this relay ends at block ${height}; it was taken back to ${formatTime(time)}.`]
  if (asked === 0)
    lines.push(
      'No peer and no phone has said yet what it knows: open the page on a phone and wait a moment if you can.',
    )
  else if (newest === undefined) lines.push(`${countOf(asked, 'peer or phone')} asked: none knows a later block.`)
  else {
    lines.push(
      `${countOf(asked, 'peer or phone')} asked: the newest block known is ${newest.height} of ${formatTime(newest.time)}.`,
    )
    lines.push(restoredSentence(time, height + 1, newest.height))
    if (newest.byFullNode)
      lines.push(
        'Another full node has it: if that one still runs, nothing need be lost. Let this relay fetch its blocks.',
      )
  }
  return lines
}

async function isWanted({ ask }: CliContext): Promise<boolean> {
  if (ask === undefined)
    throw new LaresError('usage', 'Nobody is here to ask: say --yes, and pass the words on standard input.')
  return /^y(es)?$/i.test((await ask('Go on from here, and leave later blocks behind? (yes/no) ')).trim())
}

/** @throws {LaresError} `bad-words`, `not-the-owner` */
async function sign(proposal: RecoveryProposal, context: CliContext): Promise<{ owner: number; signature: string }[]> {
  const recovery = recoveryCodec.decode(fromHex(proposal.recovery))
  if (!recovery.ok) throw new LaresError('internal', 'The relay proposed something else than a recovery.')
  const action: RosterAction = { TAG: 'recover', data: { recovery: recovery.value, signatures: [] } }
  const content = hashChangeContent(proposal.changeNumber, action)
  const message = ownerMessage(fromHex(proposal.networkId), KIND.rosterChange, content)
  const signatures = new Map<number, string>()
  for (const signer of await askOwners(context)) {
    const owner = proposal.owners.keys.indexOf(toHex(signer.publicKey))
    if (owner >= 0) signatures.set(owner, toHex(await signer.sign(message)))
  }
  if (signatures.size < proposal.owners.threshold)
    throw new LaresError(
      'not-the-owner',
      proposal.owners.threshold === 1
        ? 'These are not the recovery words of the owner of this network. Nothing was changed.'
        : `The words of ${proposal.owners.threshold} owners of this network are needed, ${signatures.size} were right. Nothing was changed.`,
    )
  return [...signatures].sort(([a], [b]) => a - b).map(([owner, signature]) => ({ owner, signature }))
}
