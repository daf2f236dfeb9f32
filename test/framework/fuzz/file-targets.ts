/** Files that a relay reads at its start, altered on the disk: a value, or a sentence for a person. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readContent } from '../../../node-relay/backup/read-content.ts'
import { readRelayConfig } from '../../../node-relay/config.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createKeyFile, readKeyFile } from '../../../node-relay/device-agent/key-file.ts'
import { readFleet, writeFleet } from '../../../node-relay/fleet/fleet-file.ts'
import { loadFounding } from '../../../node-relay/full-node/founding.ts'
import { loadKeys } from '../../../node-relay/full-node/keys.ts'
import { findRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { loadNetworkIdentity } from '../../../node-relay/network/network-identity.ts'
import { readRecoveryFile } from '../../../node-relay/recovery/recovery-file.ts'
import {
  readGenesisCopy,
  readSealedBlock,
  writeGenesisCopy,
  writeSealedBlock,
} from '../../../node-relay/store/seal-file.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { toHex } from '../../../shared/bytes.ts'
import { LaresError } from '../../../shared/errors.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { checkResult } from './codec-targets.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson, mutateText } from './mutate-text.ts'
import type { FuzzRandom } from './random.ts'
import type { RelayDoor } from './relay-door.ts'
import type { FuzzTarget } from './run.ts'

const PRIVATE = 0o600
const LARGEST = 20_000
/** A person's own setting may be said back in full. Characters. */
const OWN_WORDS = 60_000

export async function fileTargets(door: RelayDoor, corpus: Corpus): Promise<{ targets: FuzzTarget[]; close(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'lares-fuzz-files-'))
  const { chain, relay } = corpus.made
  const { networkId } = chain
  const verifier = createNodeVerifier()
  const fleet = { dataDir: folder, networkId, wallet: relay.wallet }
  const entries = new Map([
    [
      'A-17',
      {
        ...{ serial: 'A-17', name: 'Kitchen', model: '', mac: undefined, vendor: '' },
        entrance: { TAG: 'expected' as const, data: { walletKey: networkId, recoveryKey: networkId } },
      },
    ],
  ])
  await writeFleet(fleet, { recoveryKey: undefined, entries })
  writeGenesisCopy(folder, genesisCodec.encode(chain.genesis))
  const { node, block } = chain.tip
  const sealed = { height: node.height, previousHash: chain.at(node.height - 1).node.hash, hash: node.hash }
  writeSealedBlock(folder, { ...sealed, block: blockCodec.encode(block) })
  const keyFile = join(folder, 'device.key')
  createKeyFile(keyFile, networkId, relay.recovery.publicKey)
  writeFileSync(join(folder, 'recovery.json'), JSON.stringify({ version: 1, seed: toHex(networkId), recovery: 'ab' }))
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ name: 'fuzz', port: 4670, 'mine-share': 0.1, listen: '::' }),
  )
  for (const { name, bytes } of door.files()) writeFileSync(join(folder, name), bytes)

  const target = (name: string, file: string, read: () => unknown, share = 0.1): FuzzTarget<Uint8Array> => {
    if (!existsSync(join(folder, file))) throw new Error(`there is no valid ${file} to begin with`)
    const valid = new Uint8Array(readFileSync(join(folder, file)))
    const isJson = valid[0] === 0x7b || valid[0] === 0x5b
    return {
      name,
      share,
      make: (random) =>
        isJson && random.chance(0.7)
          ? new TextEncoder().encode(mutateJson(JSON.parse(new TextDecoder().decode(valid)), random))
          : mutateBytes(valid, random, [valid], LARGEST),
      async check(input) {
        writeFileSync(join(folder, file), input, { mode: PRIVATE })
        try {
          await read()
        } catch (error) {
          if (!(error instanceof LaresError)) throw error
        } finally {
          writeFileSync(join(folder, file), valid, { mode: PRIVATE })
        }
      },
    }
  }
  const environment = { env: {}, cwd: folder }
  const targets: FuzzTarget<Uint8Array>[] = [
    target('keys.json', 'keys.json', () => loadKeys(folder)),
    target('network.json', 'network.json', () => loadNetworkIdentity(folder)),
    target('relay.json', 'relay.json', () => findRelayFile(folder)?.link?.length),
    target('founding.json', 'founding.json', () => loadFounding(folder)),
    target('config.json', 'config.json', () =>
      checkResult(readRelayConfig(['--data-dir', folder], environment), OWN_WORDS),
    ),
    target('recovery.json', 'recovery.json', () => readRecoveryFile(folder)),
    target('device key file', 'device.key', () => readKeyFile(keyFile)),
    target('fleet list', 'fleet.bin', async () => checkResult(await readFleet({ ...fleet, verifier }))),
    target('last sealed block', 'SEALED', () => readSealedBlock(folder)),
    target('genesis copy', 'GENESIS', () => readGenesisCopy(folder)),
  ]
  return {
    targets: [...targets, flagsTarget(folder), backupTarget(corpus)] as FuzzTarget[],
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function flagsTarget(folder: string): FuzzTarget<readonly string[]> {
  const valid = [
    '--port',
    '4670',
    '--name',
    'home',
    '--mine-share=0.1',
    '--listen',
    '::,127.0.0.1',
    '--quiet',
    '--network',
    'test',
  ]
  return {
    name: 'start flags',
    share: 0.5,
    make: (random: FuzzRandom) => [
      ...['--data-dir', folder],
      ...valid.map((flag) => (random.chance(0.25) ? mutateText(flag, random, valid, 400) : flag)),
    ],
    check: (args) => checkResult(readRelayConfig(args, { env: {}, cwd: folder }), OWN_WORDS),
  }
}

/** What stands in a backup once it is opened; the outer layer is encrypted or hashed as a whole. */
function backupTarget({ bytes }: Corpus): FuzzTarget<Uint8Array> {
  const valid = bytes.filter(({ length }) => length < 2_000)
  return {
    name: 'backup content',
    share: 0.3,
    make: (random) => {
      const kind = random.pick([0x4d, 0x46, 0x52, 0x45])
      return mutateBytes(Uint8Array.of(kind, ...random.pick(valid)), random, valid, LARGEST)
    },
    async check(input) {
      async function* pieces() {
        yield input
      }
      try {
        for await (const _part of readContent(pieces()));
      } catch (error) {
        if (!(error instanceof LaresError)) throw error
      }
    },
  }
}
