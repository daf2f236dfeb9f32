import { createNodeSigner } from '../../../node-relay/crypto/node-signer.ts'
import { asciiBytes } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { sha256 } from '../../../shared/hash.ts'
import { voucherAnchor } from '../../../shared/identity/anchor.ts'
import { ASSURANCE, LABEL } from '../../../shared/identity/label.ts'
import {
  type Claim,
  type Evidence,
  endorsementMessage,
  hashApplication,
  registerWalletMessage,
  voucherClaimMessage,
  voucherMessage,
} from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'

/** Voucher, claim of the voucher, wallet, and one endorsement. */
export const SIGNATURES_PER_REGISTER = 4

const NAME = 'bench'

export interface RegisterBlocks {
  readonly builder: ChainBuilder
  readonly relay: TestDevice
  /** Mines a block of so many registrations by voucher, each of another device. */
  mine(registrations: number): Promise<BuiltBlock>
  /** Registrations that the next block could hold. */
  transactions(count: number): Promise<Uint8Array[]>
}

/** A chain of one relay that keeps and coordinates. Signs with node:crypto: a block of 4,000 needs 16,000 signatures. */
export async function createRegisterBlocks(): Promise<RegisterBlocks> {
  const builder = new ChainBuilder({ name: NAME })
  const relay = await foundRelay(builder)
  const wallet = createNodeSigner(sha256(asciiBytes(`${NAME} keeper 0`)))
  let next = 0

  const signerOf = (text: string): Signer => createNodeSigner(sha256(asciiBytes(text)))

  async function register(index: number): Promise<Uint8Array> {
    const { networkId } = builder
    const voucherSigner = signerOf(`voucher ${index}`)
    const own = signerOf(`wallet ${index}`)
    const open = {
      issuer: relay.deviceId,
      voucherKey: voucherSigner.publicKey,
      notAfter: builder.tip.block.header.time + 86_400_000,
      label: LABEL.lightweight,
    }
    const claim: Claim = {
      label: LABEL.lightweight,
      assurance: ASSURANCE.vouched,
      walletKey: own.publicKey,
      recoveryKey: sha256(own.publicKey),
      anchor: voucherAnchor(open.voucherKey),
      profile: sha256(asciiBytes('profile')),
      addresses: [],
    }
    const [signature, claimSignature] = await Promise.all([
      wallet.sign(voucherMessage(networkId, open)),
      voucherSigner.sign(voucherClaimMessage(networkId, claim)),
    ])
    const evidence: Evidence = { TAG: 'voucher', data: { voucher: { ...open, signature }, claimSignature } }
    const application = hashApplication({ claim, evidence })
    const [endorsement, walletSignature] = await Promise.all([
      wallet.sign(endorsementMessage(networkId, application)),
      own.sign(registerWalletMessage(networkId, application)),
    ])
    const endorsements = [{ deviceId: relay.deviceId, signature: endorsement }]
    return transactionCodec.encode({ TAG: 'register', data: { claim, evidence, endorsements, walletSignature } })
  }

  async function transactions(count: number): Promise<Uint8Array[]> {
    const made: Uint8Array[] = []
    for (let i = 0; i < count; i++) made.push(await register(next++))
    return made
  }

  return {
    builder,
    relay,
    transactions,
    mine: async (registrations) => await builder.mine({ transactions: await transactions(registrations) }),
  }
}
