import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex, ZERO_HASH } from '../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../shared/crypto/recovery-wordlist.ts'
import { deriveSeed, encodeRecoveryWords } from '../../shared/crypto/recovery-words.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { ownerAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../shared/identity/label.ts'
import { type Genesis, genesisHeader, genesisState, networkIdOf } from '../../shared/ledger/genesis.ts'
import type { NetworkParameters } from '../../shared/params.ts'
import { DEFAULT_POLICY } from '../../shared/policy/policy.ts'
import { createMemoryStateStorage } from '../../shared/state-tree/memory-storage.ts'
import { openStateTree } from '../../shared/state-tree/tree.ts'
import { ownerMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { type Claim, hashApplication, hashClaim, registerWalletMessage } from '../../shared/transaction/register.ts'
import { hashCoordinationContent, transactionCodec } from '../../shared/transaction/transaction.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { createNodeSigner, generateEntropy } from '../crypto/node-signer.ts'
import type { RelayKeys } from './keys.ts'

const FOUNDING_FILE = 'founding.json'

export interface Founding {
  readonly genesis: Genesis
  /** The owner's recovery words: shown once, kept nowhere. */
  readonly words: string
  /** The relay's own registration, then its place in the coordination set, signed by the owner key. */
  readonly transactions: readonly Uint8Array[]
}

/**
 * Founds a network: makes the owner key from fresh recovery words, the genesis, and the first transactions that the owner
 * key has to sign, since that key is gone when this returns.
 */
export async function foundNetwork(init: {
  readonly keys: RelayKeys
  readonly parameters: NetworkParameters
  readonly now: number
  readonly coordination: boolean
}): Promise<Founding> {
  const { keys } = init
  const entropy = generateEntropy()
  const owner = createNodeSigner(deriveSeed(entropy, 'owner'))
  const recovery = createNodeSigner(deriveSeed(entropy, 'recovery'))
  const genesis: Genesis = {
    version: 1,
    createdAt: init.now,
    parameters: init.parameters,
    owners: { threshold: 1, keys: [owner.publicKey] },
    keepers: [
      {
        walletId: walletIdOf(keys.wallet.publicKey),
        sealingKey: keys.sealing.publicKey,
        recoveryKey: recovery.publicKey,
      },
    ],
    policy: DEFAULT_POLICY,
  }
  const state = openStateTree({ storage: createMemoryStateStorage(), root: undefined })
  const { root } = state.update({ version: 0, changes: genesisState(genesis) })
  const networkId = networkIdOf(genesisHeader(genesis, root))
  const label = init.coordination ? LABEL.full | LABEL.coordination : LABEL.full
  const transactions = [await registration(networkId, owner, keys.wallet, recovery.publicKey, label)]
  if (init.coordination) transactions.push(await coordination(networkId, owner, keys.wallet))
  return { genesis, words: encodeRecoveryWords(entropy, RECOVERY_WORDLIST), transactions }
}

async function registration(
  networkId: Uint8Array,
  owner: Signer,
  wallet: Signer,
  recoveryKey: Uint8Array,
  label: number,
): Promise<Uint8Array> {
  const claim: Claim = {
    label,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey,
    anchor: ownerAnchor(wallet.publicKey),
    profile: ZERO_HASH,
    addresses: [],
  }
  const signature = await owner.sign(ownerMessage(networkId, KIND.register, hashClaim(claim)))
  const application = { claim, evidence: { TAG: 'owners' as const, data: [{ owner: 0, signature }] } }
  const walletSignature = await wallet.sign(registerWalletMessage(networkId, hashApplication(application)))
  return transactionCodec.encode({ TAG: 'register', data: { ...application, endorsements: [], walletSignature } })
}

async function coordination(networkId: Uint8Array, owner: Signer, wallet: Signer): Promise<Uint8Array> {
  const deviceId = deviceIdOf(networkId, wallet.publicKey, ownerAnchor(wallet.publicKey))
  const change = { setNumber: 1, action: 'add' as const, deviceId }
  const signature = await owner.sign(ownerMessage(networkId, KIND.coordinationChange, hashCoordinationContent(change)))
  const approval = { TAG: 'owners' as const, data: [{ owner: 0, signature }] }
  return transactionCodec.encode({ TAG: 'coordinationChange', data: { change, approval } })
}

/** Kept until they are settled: a crash before the first block must not lose what the owner key has signed. */
export function storeFounding(dataDir: string, transactions: readonly Uint8Array[]): void {
  writeFileAtomic(join(dataDir, FOUNDING_FILE), `${JSON.stringify(transactions.map(toHex))}\n`)
}

/** The founding transactions of this relay; none when it did not found its network. */
export async function loadFounding(dataDir: string): Promise<Uint8Array[]> {
  try {
    return (JSON.parse(await readFile(join(dataDir, FOUNDING_FILE), 'utf8')) as string[]).map(fromHex)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new LaresError(
      'founding-damaged',
      `The file ${FOUNDING_FILE} in ${dataDir} cannot be read; restore it from a backup.`,
      {
        cause: error,
      },
    )
  }
}
