import { join } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { openDataDir } from '../data-dir.ts'
import type { WalletProposal, WalletSignatures, WalletView } from '../wallet/door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK } from './command.ts'
import { askRelayWords } from './owner-words.ts'
import { waitForKeys } from './wallet.ts'

/** The words are read here and never reach the relay. */
export const walletRecover: Command = {
  name: 'wallet recover',
  parameters: '',
  summary: 'new keys by the recovery words of this relay, where its own are lost or stolen; its ID stays',
  flags: { 'data-dir': DATA_DIR_FLAG },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    let proposal: WalletProposal
    try {
      proposal = await askRelay<WalletProposal>(dataDir, '/wallet/recovery/proposal', 'POST')
    } catch (error) {
      const { areKeysLost } = await import('../wallet/lost-keys.ts')
      const isStopped = error instanceof LaresError && error.code === 'relay-unreachable'
      if (!isStopped || !(await areKeysLost(dataDir))) throw error
      return await replaceLost(dataDir, context)
    }
    const body = await sign(proposal, context)
    const begun = await askRelay<WalletView>(dataDir, '/wallet/recovery', 'POST', { body })
    return await waitForKeys(dataDir, context, begun)
  },
}

/** @throws {LaresError} `bad-words`, `not-the-recovery-words` */
async function sign({ wallet, seat, ...proposal }: WalletProposal, context: CliContext): Promise<WalletSignatures> {
  const { seatMessage, walletMessage } = await import('../wallet/new-keys.ts')
  const { notTheWords } = await import('../wallet/lost-keys.ts')
  const signer = await askRelayWords(context)
  const networkId = fromHex(proposal.networkId)
  const isBy = (part: { readonly recoveryKey: string } | undefined) => part?.recoveryKey === toHex(signer.publicKey)
  const signatures: { wallet?: string; seat?: string } = {}
  if (wallet !== undefined && isBy(wallet)) {
    const { sequence, addresses } = wallet
    const content = {
      deviceId: fromHex(wallet.deviceId),
      sequence,
      walletKey: fromHex(wallet.walletKey),
      recoveryKey: fromHex(wallet.recoveryKey),
      addresses: [...addresses],
    }
    signatures.wallet = toHex(await signer.sign(walletMessage(networkId, content)))
  }
  if (seat !== undefined && isBy(seat)) {
    const { sealingKey, recoveryKey } = seat
    const content = { seat: seat.seat, sealingKey: fromHex(sealingKey), recoveryKey: fromHex(recoveryKey) }
    signatures.seat = toHex(await signer.sign(seatMessage(networkId, seat.changeNumber, content)))
  }
  if (signatures.wallet === undefined && signatures.seat === undefined) throw notTheWords()
  if (seat !== undefined && signatures.seat === undefined)
    context.print('The seat of this relay has another recovery key: its sealing key is not replaced by these words.')
  return { walletKey: proposal.walletKey, ...signatures }
}

/** A relay that cannot start gets keys to start with; the ledger learns of them when it runs. */
async function replaceLost(path: string, context: CliContext): Promise<number> {
  const { replaceLostKeys } = await import('../wallet/lost-keys.ts')
  const dataDir = openDataDir(path)
  if (!dataDir.ok) throw new LaresError(dataDir.code, dataDir.detail)
  try {
    context.print('The keys of this relay are lost. Its recovery words give it new ones; its ID stays.')
    const { publicKey } = await askRelayWords(context)
    const { isOnlyKeeper } = await replaceLostKeys({
      dataDir: path,
      location: join(path, 'chain'),
      recoveryKey: publicKey,
      now: context.now(),
    })
    context.print(
      'New keys are made, which the ledger does not know yet. Start the relay with "npm start", and then run:',
    )
    if (isOnlyKeeper)
      context.print('  lares recover          it is the only keeper: the words of the owner let it seal')
    context.print('  lares wallet recover   puts its new keys into the ledger')
    return EXIT_OK
  } finally {
    dataDir.value.close()
  }
}
