import { setTimeout as pause } from 'node:timers/promises'
import { LaresError } from '../../shared/errors.ts'
import type { WalletView } from '../wallet/door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { assertWanted } from './assert-wanted.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG, YES_FLAG } from './command.ts'
import { formatJson, formatTable } from './text.ts'

/** New keys are looked for this often, and for so long, ms: the settling takes minutes in a home. */
const LOOK_MS = 1_000
const PATIENCE_MS = 15 * 60_000

export const walletShow: Command = {
  name: 'wallet show',
  parameters: '',
  summary: 'who this relay is, and which keys it has',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const view = await askRelay<WalletView>(dataDirOf(input, context), '/wallet')
    context.print(input.values['json'] === true ? formatJson(view) : describeWallet(view).join('\n'))
    return EXIT_OK
  },
}

export function describeWallet(view: WalletView): string[] {
  const { record, seat, rotation } = view
  const rows = [
    ['Device ID', view.deviceId],
    ['DID', view.did],
    ['Wallet ID', view.walletId],
    ['Wallet key', view.walletKey],
    ...(record === undefined
      ? [['State', 'not in the ledger yet']]
      : [
          ['Label', record.label],
          [
            'State',
            `${record.status}, last changed in block ${record.changedHeight}, ${record.isSettled ? 'settled' : `not settled: that reaches to block ${view.settledHeight} of ${view.height}`}`,
          ],
          ['Recovery key', record.recoveryKey],
        ]),
    ['Seat', seat === undefined ? 'none' : String(seat.seat)],
    ...(seat === undefined
      ? []
      : [['Sealing key', `${seat.sealingKey}, ${seat.isOwn ? 'held' : 'not held'} by this relay`]]),
    ...(rotation === undefined
      ? []
      : [
          [
            'New keys',
            rotation.state === 'waiting' ? 'handed in, and in no block yet' : 'in a block, which is not settled yet',
          ],
        ]),
  ]
  return [
    formatTable(rows),
    ...(record === undefined
      ? []
      : ['The words of the recovery key are kept by people alone; this relay does not have them.']),
    ...(record?.isOwn === false
      ? [`The ledger names another wallet key, which this relay does not hold: ${record.walletKey}.`]
      : []),
    ...(seat?.isOwn === false ? ['This relay does not hold the sealing key of its seat, so it seals nothing.'] : []),
  ]
}

export const walletRotate: Command = {
  name: 'wallet rotate',
  parameters: '',
  summary: 'give this relay new keys; its ID stays',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    context.print(
      'The relay gets a new wallet key, and a new sealing key for its seat. Its ID stays. Vouchers that it has given out and nobody has used are void then.',
    )
    await assertWanted(input, context, 'Replace its keys?')
    const begun = await askRelay<WalletView>(dataDir, '/wallet/rotation', 'POST')
    return await waitForKeys(dataDir, context, begun)
  },
}

/** Says how new keys fare until they are settled. */
export async function waitForKeys(dataDir: string, context: CliContext, begun: WalletView): Promise<number> {
  context.print('The new keys are kept beside the present ones, and handed in. Waiting for a block …')
  const wanted = begun.rotation?.walletKey
  const until = context.now() + PATIENCE_MS
  let isInBlock = false
  for (;;) {
    const view = await askRelay<WalletView>(dataDir, '/wallet')
    const { record, rotation } = view
    if (rotation === undefined) {
      if (record?.walletKey !== wanted)
        throw new LaresError(
          'overtaken',
          'Another key than the new one was given to this relay meanwhile; see "lares wallet show".',
        )
      context.print('Settled: the old keys are gone.')
      context.print(describeWallet(view).join('\n'))
      return EXIT_OK
    }
    if (!isInBlock && rotation.state === 'in-block') {
      isInBlock = true
      context.print(`In block ${view.height}: the relay goes on with the new keys. Waiting until that is settled …`)
    }
    if (context.now() >= until)
      throw new LaresError(
        isInBlock ? 'not-settled' : 'no-block',
        `The new keys are ${isInBlock ? 'in a block that is not settled' : 'in no block'} yet. It goes on by itself; see "lares wallet show" later.`,
      )
    await pause(LOOK_MS)
  }
}
