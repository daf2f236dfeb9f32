import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { foundNetwork, loadFounding, storeFounding } from '../../../node-relay/full-node/founding.ts'
import { createKeys } from '../../../node-relay/full-node/keys.ts'
import { deviceRecords } from '../../../node-relay/full-node/views.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, deriveSeed } from '../../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { buildBlock } from '../../../shared/ledger/build-block.ts'
import { coordinationSetCodec } from '../../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY } from '../../../shared/ledger/state-keys.ts'
import { PRESETS } from '../../../shared/params.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'lares-founding-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

describe('founding', () => {
  it('makes a genesis whose first transactions put the relay into ledger and coordination set', async () => {
    const keys = await createKeys(dataDir)
    const now = 1_800_000_000_000
    const founding = await foundNetwork({ keys, parameters: PRESETS.test, now, coordination: true })
    const store = await ChainStore.open(join(dataDir, 'chain'))
    const verifier = createNodeVerifier()
    const chain = await FullChain.open({ store, verifier, now: () => now, genesis: founding.genesis })
    const [first] = founding.transactions
    const checked = checkTransaction(chain, now, first as Uint8Array)
    expect(checked.ok && (await verifier.verifyBatch(checked.value.signatures)).every(Boolean)).toBe(true)
    expect(checkTransaction(chain, now, founding.transactions[1] as Uint8Array)).toMatchObject({ ok: false })
    expect(checkTransaction(chain, now, new Uint8Array(3))).toMatchObject({ code: 'malformed' })

    const before = { state: chain.state, roster: chain.tip.roster }
    const content = buildBlock(before, { ...chain.rules, height: 1, time: now + 1 }, founding.transactions)
    expect(content.refused).toEqual([])
    const { tree } = chain.state.update({ version: 1, changes: content.changes })
    const [relay, ...others] = [...deviceRecords(tree)]
    expect(others).toEqual([])
    expect(relay).toMatchObject({ label: LABEL.full | LABEL.coordination, walletKey: keys.wallet.publicKey })
    const set = coordinationSetCodec.decode(tree.get(COORDINATION_SET_KEY) as Uint8Array)
    expect(set.ok && set.value.members.map(({ deviceId }) => deviceId)).toEqual([relay?.deviceId])
    await store.close()

    // The words bring the owner key back; another founding has other words.
    const entropy = decodeRecoveryWords(founding.words, RECOVERY_WORDLIST)
    if (!entropy.ok) throw new Error(entropy.detail)
    expect(createSeedSigner(deriveSeed(entropy.value, 'owner')).publicKey).toEqual(founding.genesis.owners.keys[0])
    expect(createSeedSigner(deriveSeed(entropy.value, 'recovery')).publicKey).toEqual(
      founding.genesis.keepers[0]?.recoveryKey,
    )
    const second = await foundNetwork({ keys, parameters: PRESETS.test, now, coordination: false })
    expect(second.words).not.toBe(founding.words)
    expect(second.transactions).toHaveLength(1)
  })

  it('keeps the signed transactions in a file, has none elsewhere, and says when the file is damaged', async () => {
    expect(await loadFounding(dataDir)).toEqual([])
    const transactions = [Uint8Array.of(1, 2), Uint8Array.of(255)]
    storeFounding(dataDir, transactions)
    expect(await loadFounding(dataDir)).toEqual(transactions)
    for (const text of ['', '{}', '["zz"]', '[1]']) {
      writeFileSync(join(dataDir, 'founding.json'), text)
      await expect(loadFounding(dataDir), text).rejects.toMatchObject({ code: 'founding-damaged' })
    }
  })
})
