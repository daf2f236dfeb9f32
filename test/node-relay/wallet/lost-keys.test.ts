/** A relay without its keys gets others by its words, as the device that it was. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeys, loadKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { areKeysLost, replaceLostKeys } from '../../../node-relay/wallet/lost-keys.ts'
import { toHex } from '../../../shared/bytes.ts'
import { walletIdOf } from '../../../shared/identity/device-id.ts'
import { foundRelay, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

let builder: ChainBuilder
let relay: TestDevice
let full: OpenChain
let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-lost-'))
})
afterEach(async () => {
  await closeAll()
  rmSync(dataDir, { recursive: true, force: true })
})

const keysPath = () => join(dataDir, 'keys.json')

/** A stopped relay of a network with so many keepers. */
async function stopped(keepers: number, deviceId?: Uint8Array): Promise<void> {
  builder = new ChainBuilder({ keepers })
  relay = await foundRelay(builder)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  await full.close()
  const ids = { networkId: toHex(builder.networkId), deviceId: toHex(deviceId ?? relay.deviceId) }
  writeRelayFile(dataDir, { ...ids, pageUrl: undefined, link: undefined })
}

const replace = (recoveryKey = relay.recovery.publicKey) =>
  replaceLostKeys({ dataDir, location: full.location, recoveryKey, now: 5 })

async function restored() {
  const again = await openChain(builder, { location: full.location })
  return again.store.restored()
}

describe('new keys for lost ones', () => {
  it('are those of the same device, and the only keeper seals nothing until its owner says so', async () => {
    await stopped(1)
    expect(await areKeysLost(dataDir)).toBe(true)
    expect(await replace()).toEqual({ isOnlyKeeper: true })
    expect(await areKeysLost(dataDir)).toBe(false)
    const { device, next, wallet } = await loadKeys(dataDir)
    expect(device).toEqual({ deviceId: relay.deviceId, walletId: walletIdOf(relay.wallet.publicKey) })
    expect([next, wallet.publicKey]).not.toContainEqual(relay.wallet.publicKey)
    expect(statSync(keysPath()).mode & 0o777).toBe(0o600)
    expect(await restored()).toMatchObject({ height: builder.tip.node.height, time: 5 })
  })

  it('where others seal, the chain goes on as it is', async () => {
    await stopped(2)
    expect(await replace()).toEqual({ isOnlyKeeper: false })
    expect(await restored()).toBeUndefined()
  })

  it('a file that cannot be read is set aside, not overwritten', async () => {
    await stopped(2)
    writeFileSync(keysPath(), 'torn')
    expect(await areKeysLost(dataDir)).toBe(true)
    await replace()
    expect(readFileSync(join(dataDir, 'keys.damaged.json'), 'utf8')).toBe('torn')
    await loadKeys(dataDir)
  })

  it('are refused for other words, and for a relay that is in no ledger', async () => {
    await stopped(1)
    await expect(replace(namedSigner('other words').publicKey)).rejects.toMatchObject({
      code: 'not-the-recovery-words',
    })
    expect(await restored()).toBeUndefined()
    await closeAll()
    await stopped(1, new Uint8Array(32))
    await expect(replace()).rejects.toMatchObject({ code: 'not-registered' })
    await expect(loadKeys(dataDir)).rejects.toMatchObject({ code: 'no-keys' })
  })
})

it('keys that are there are not lost, nor are those of a relay that never was', async () => {
  expect(await areKeysLost(dataDir)).toBe(false)
  await stopped(1)
  await createKeys(dataDir)
  expect(await areKeysLost(dataDir)).toBe(false)
})
