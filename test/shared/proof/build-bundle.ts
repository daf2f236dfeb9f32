import { EMPTY_RANGE } from '../../../shared/history/mountain-range.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { type Bundle, bundleCodec } from '../../../shared/proof/bundle.ts'
import type { BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'

/** The bundle of a device at a block, with everything up to `tip` on top of it. */
export function buildBundle(
  chain: ChainBuilder,
  deviceId: Uint8Array,
  settled: BuiltBlock,
  tip: BuiltBlock = chain.tip,
  change: Partial<Bundle> = {},
): Uint8Array {
  const below: BuiltBlock[] = []
  for (let one: BuiltBlock | undefined = settled; one !== undefined; one = one.parent) below.unshift(one)
  const above: BuiltBlock[] = []
  for (let one = tip; one !== settled; one = one.parent as BuiltBlock) above.unshift(one)
  return bundleCodec.encode({
    version: 1,
    deviceId,
    genesis: genesisCodec.encode(chain.genesis),
    genesisHeader: chain.first.block.header,
    rosterLog: below.flatMap(({ item }) => item.rosterChanges),
    parent: settled.parent?.block.header,
    settled: settled.block.header,
    range: settled.parent?.node.range ?? EMPTY_RANGE,
    above: above.map(({ item }) => item),
    proof: settled.tree.prove(deviceKey(deviceId)),
    ...change,
  })
}
