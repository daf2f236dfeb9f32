import type { Block } from '../../shared/block/block.ts'
import { toHex, ZERO_HASH } from '../../shared/bytes.ts'
import { type Epoch, epochCodec } from '../../shared/ledger/records.ts'
import { EPOCH_KEY } from '../../shared/ledger/state-keys.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import type { Evidence } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { ChainChange, FullChain } from '../full-node/chain.ts'
import { deviceRecords } from '../full-node/views.ts'

/** Joins of the running epoch by who stands behind them: what the pressure in a price is made of. */
export interface JoinCounts {
  /** @param issuer device ID of the sponsor, or hash of the trusted root */
  of(issuer: Uint8Array): number
}

/** Kept up with each block; all records are walked over at the start, and where a branch reaches back over an epoch's begin. */
export function createJoinCounts(chain: Pick<FullChain, 'state' | 'onChange'>): JoinCounts {
  /** Those who vouch have a role, and roots are in the policy: as many as the ledger has of both, at most. */
  const counts = new Map<string, number>()
  let epoch = epochNow()
  recount()

  function epochNow(): Epoch {
    const bytes = chain.state.get(EPOCH_KEY)
    const read = bytes && epochCodec.decode(bytes)
    return read?.ok ? read.value : { number: 0, startHeight: 0, startTime: 0 }
  }

  function recount(): void {
    counts.clear()
    for (const { registeredHeight, sponsor, issuer } of deviceRecords(chain.state))
      if (registeredHeight >= epoch.startHeight) add(toHex(sponsor) === NOBODY ? issuer : sponsor, 1)
  }

  function add(issuer: Uint8Array, by: number): void {
    const group = toHex(issuer)
    if (group === NOBODY) return
    const count = (counts.get(group) ?? 0) + by
    if (count > 0) counts.set(group, count)
    else counts.delete(group)
  }

  function addAll(blocks: readonly Block[], by: number): void {
    for (const { header, transactions } of blocks) {
      if (header.height < epoch.startHeight) continue
      for (const bytes of transactions) {
        const transaction = bytes[0] === KIND.register ? transactionCodec.decode(bytes) : undefined
        if (transaction?.ok && transaction.value.TAG === 'register') add(issuerOf(transaction.value.data.evidence), by)
      }
    }
  }

  chain.onChange(({ undone, applied }: ChainChange) => {
    const before = epoch
    epoch = epochNow()
    const isNew = epoch.number !== before.number
    if (isNew && undone.length > 0) return recount()
    if (isNew) counts.clear()
    addAll(undone, -1)
    addAll(applied, 1)
  })

  return { of: (issuer) => counts.get(toHex(issuer)) ?? 0 }
}

const NOBODY = toHex(ZERO_HASH)

function issuerOf(evidence: Evidence): Uint8Array {
  switch (evidence.TAG) {
    case 'voucher':
      return evidence.data.voucher.issuer
    case 'approval':
    case 'certificate':
      return evidence.data.issuer
    case 'owners':
      return ZERO_HASH
  }
}
