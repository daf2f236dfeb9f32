import { equalBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { hashChangeContent, memberMessage, type RosterAction } from '../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from '../full-node/chain.ts'
import { deviceOfWallet } from '../full-node/views.ts'

export interface LeavingInit {
  readonly chain: Pick<FullChain, 'tip' | 'state' | 'rules'>
  sealing(): Signer
  submit(transaction: Uint8Array): Promise<Result<unknown>>
}

/** Gives this relay's own seat back, by its own signature alone. It can apply again later, for another seat. */
export async function leaveSeat({ chain, sealing, submit }: LeavingInit): Promise<Result<null>> {
  const signer = sealing()
  const { members, changeNumber } = chain.tip.roster
  const member = members.find(({ sealingKey }) => equalBytes(sealingKey, signer.publicKey))
  if (member === undefined) return reject('no-seat', 'This relay holds no seat.')
  if (members.length === 1)
    return reject('last-seat', 'The last seat cannot be given back: let in another relay first.')
  const record = deviceOfWallet(chain.state, member.walletId)
  if (record === undefined) return reject('not-registered', 'This relay is not in the ledger.')
  const leave = { deviceId: record.deviceId, seat: member.seat }
  const next = changeNumber + 1
  const unsigned: RosterAction = { TAG: 'leave', data: { leave, signature: new Uint8Array(64) } }
  const message = memberMessage(chain.rules.networkId, hashChangeContent(next, unsigned))
  const action: RosterAction = { TAG: 'leave', data: { leave, signature: await signer.sign(message) } }
  const taken = await submit(transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber: next, action } }))
  return taken.ok ? accept(null) : taken
}
