/** `lares voucher create` beside a relay that was just founded. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { FAKE_DEVICE_ID, FAKE_NETWORK_ID, FAKE_STATUS } from '../../framework/fake-relay.ts'
import { createHome, type Home } from './context.ts'

let home: Home
/** Times that it was asked before it was in a block. */
let early: number
beforeEach(async () => {
  let asked = 0
  early = 0
  home = createHome({ status: () => ({ ...FAKE_STATUS, deviceId: asked++ < early ? undefined : FAKE_DEVICE_ID }) })
  await home.start()
  await createKeys(home.dataDir)
  const file = { networkId: FAKE_NETWORK_ID, deviceId: 'ab'.repeat(32), pageUrl: undefined, link: 'link' }
  writeRelayFile(home.dataDir, file)
})
afterEach(() => home.clear())

const create = () => home.run('voucher', 'create', '--json', '--data-dir', home.dataDir)

it('waits until the relay is in a block: before, nobody would take its voucher', async () => {
  early = 2
  const { code, out, err } = await create()
  expect(code).toBe(0)
  expect(JSON.parse(out)).toHaveLength(1)
  expect(err).toContain('in no block yet')
})

it('says nothing where there is nothing to wait for', async () => {
  expect(await create()).toMatchObject({ code: 0, err: '' })
})
