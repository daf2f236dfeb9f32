import { equalBytes } from '../../shared/bytes.ts'
import { keeperActivity } from '../../shared/chain/keepers.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import type { KeeperRow } from '../facade.ts'
import type { FullChain } from './chain.ts'
import type { RoleRecords } from './role-records.ts'

export interface KeeperDesk {
  rows(): readonly Omit<KeeperRow, 'service'>[]
  /** Says who fell asleep or woke up since the last look. For a relay that has the newest blocks. */
  look(): void
}

/** Who seals and who sleeps, in rows and in sentences. */
export function createKeeperDesk(init: {
  readonly chain: Pick<FullChain, 'tip' | 'graph' | 'rules'>
  readonly records: Pick<RoleRecords, 'ofWallet'>
  /** Public key that this relay seals with. */
  ownKey(): Uint8Array
  report(code: string, sentence: string): void
}): KeeperDesk {
  const { chain, records } = init
  /** Worked out once for a tip: strangers may ask for the status, too. */
  let known: { readonly tip: string; readonly rows: readonly Omit<KeeperRow, 'service'>[] } | undefined
  /** Seats of the roster at most. */
  let asleep: ReadonlySet<number> = new Set()

  function rows(): readonly Omit<KeeperRow, 'service'>[] {
    const { tip, graph } = chain
    if (known?.tip === tip.id) return known.rows
    const own = init.ownKey()
    const made = keeperActivity(graph).map((keeper, i) => {
      // Both are in the order of the roster.
      const member = tip.roster.members[i]
      const device = member && records.ofWallet(member.walletId)
      return {
        ...keeper,
        deviceId: device && formatDeviceId(chain.rules.networkId, device.deviceId),
        isOwn: member !== undefined && equalBytes(member.sealingKey, own),
      }
    })
    known = { tip: tip.id, rows: made }
    return made
  }

  return {
    rows,
    look() {
      const sleeping = new Set<number>()
      for (const { seat, silent, isAsleep } of rows()) {
        if (isAsleep) sleeping.add(seat)
        if (isAsleep === asleep.has(seat)) continue
        if (isAsleep)
          init.report(
            'keeper-asleep',
            `The keeper with seat ${seat} has sealed none of the last ${silent} blocks; its turn passes to others. See whether its relay runs.`,
          )
        else init.report('keeper-awake', `The keeper with seat ${seat} seals blocks again.`)
      }
      asleep = sleeping
    },
  }
}
