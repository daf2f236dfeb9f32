/** The note beside the database: read back as it was written, also when it is as long as it can be. */
import { expect, it } from 'vitest'
import { fromHex } from '../../../shared/bytes.ts'
import { MAX_LINK_ADDRESSES, MAX_NETWORK_NAME } from '../../../shared/protocol/join-link.ts'
import { formatKeepsake, MAX_KEPT_NETWORKS, readKeepsake } from '../../../web/client/keepsake.ts'
import type { NetworkRecord } from '../../../web/store/local-store.ts'

const LONGEST_ADDRESS = `/${'a'.repeat(254)}`

it('is read back whole with as many networks as a page keeps, and the longest links', () => {
  const networks = Array.from({ length: MAX_KEPT_NETWORKS }, (_, i): NetworkRecord => {
    const networkId = i.toString(16).padStart(64, '0')
    return {
      networkId,
      name: 'n'.repeat(MAX_NETWORK_NAME),
      checkpoint: { height: i, hash: fromHex(networkId) },
      addresses: Array.from({ length: MAX_LINK_ADDRESSES }, () => LONGEST_ADDRESS),
      start: undefined,
      lastActive: 0,
    }
  })
  const ids = new Map(networks.map(({ networkId }) => [networkId, fromHex(networkId)]))
  const remembered = readKeepsake(formatKeepsake(networks, ids))
  expect(remembered.map(({ record }) => record)).toEqual(networks)
  expect(remembered.map(({ deviceId }) => deviceId)).toEqual([...ids.values()])
})

it('is nothing where it cannot be read', () => {
  expect(readKeepsake(undefined)).toEqual([])
  expect(readKeepsake('')).toEqual([])
  expect(readKeepsake('nonsense\n#join=x')).toEqual([])
})
