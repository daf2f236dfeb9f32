/** What such a node refuses to begin with: each with a code, before anything is written. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createVoucher } from '../../../node-relay/admission/create-voucher.ts'
import { createKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { LIGHT_DIRECTORY } from '../../../node-relay/light-node/folder.ts'
import { openLightDevice } from '../../../node-relay/light-node/light-device.ts'
import { createLightNode, type LightNodeInit } from '../../../node-relay/light-node/light-node.ts'
import { createLog } from '../../../node-relay/log.ts'
import { createRelay } from '../../../node-relay/relay.ts'
import { PRESETS } from '../../../shared/params.ts'
import { parseJoinLink } from '../../../shared/protocol/join-link.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { endScenes, newFolder, openScene } from './scene.ts'

afterEach(endScenes)

const log = createLog({ level: 'silent', destination: 'stderr' })

function init(dataDir: string, more: Partial<LightNodeInit> = {}): LightNodeInit {
  return {
    ...{
      dataDir,
      version: 'test',
      hosts: ['127.0.0.1'],
      udpPort: 0,
      tcpPort: 0,
      announced: [],
      publishAddresses: true,
    },
    ...{ revocation: undefined, join: undefined, peers: [], log },
    ...more,
  }
}

const relayFile = { networkId: '00'.repeat(32), deviceId: '', pageUrl: undefined, link: undefined }

it('needs a link at its first start, and founds nothing', async () => {
  const folder = newFolder()
  await expect(createLightNode(init(folder))).rejects.toMatchObject({ code: 'no-link' })
  expect(readdirSync(folder)).toEqual([])
})

it('joins nothing where nobody answers, and can be started again as something else', async () => {
  const builder = new ChainBuilder()
  const read = parseJoinLink(new ClientHarness({ chain: builder }).link())
  if (!read.ok) throw new Error(read.detail)
  const folder = newFolder()
  await expect(createLightNode(init(folder, { join: read.value.link }))).rejects.toMatchObject({ code: 'cannot-join' })
  expect(readdirSync(folder)).not.toContain(LIGHT_DIRECTORY)
})

it('a folder is for one kind of node', async () => {
  const [relays, lights] = [newFolder(), newFolder()]
  writeRelayFile(relays, relayFile)
  await expect(createLightNode(init(relays))).rejects.toMatchObject({ code: 'another-role' })
  mkdirSync(join(lights, LIGHT_DIRECTORY))
  writeRelayFile(lights, relayFile)
  const relay = createRelay({
    ...{ dataDir: lights, version: 'test', parameters: PRESETS.test, roles: ['full'], name: 'lares', mineShare: 0 },
    ...{ hosts: ['127.0.0.1'], udpPort: 0, wsPort: 0, tcpPort: 0, log },
    onOwnerWords() {},
  })
  await expect(relay).rejects.toMatchObject({ code: 'another-role' })
})

it('vouches for nobody before it is in the ledger', async () => {
  const folder = newFolder()
  await createKeys(folder)
  writeRelayFile(folder, relayFile)
  await expect(createVoucher({ dataDir: folder, count: 1, days: 1 })).rejects.toMatchObject({ code: 'not-registered' })
})

it('does not take the registration of another for its own', async () => {
  const scene = openScene(new ChainBuilder())
  const dataDir = newFolder()
  writeFileSync(join(dataDir, 'registration'), 'damaged')
  const open = () =>
    openLightDevice({
      ...{ dataDir, chain: scene.chain, view: scene.view, wallet: namedSigner('own') },
      ...{ network: undefined as never, verifier: undefined as never },
      addresses: () => [],
      onRegistered() {},
      log() {},
    })
  expect(open).toThrow(expect.objectContaining({ code: 'registration-damaged' }))
})
