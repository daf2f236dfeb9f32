/** A ledger in memory with a relay, its owners and some devices, for the rules of the state transition. */
import { asciiBytes, toHex, ZERO_HASH } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import type { Verdict } from '../../../shared/errors.ts'
import { sha256 } from '../../../shared/hash.ts'
import { ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../../shared/identity/label.ts'
import { applyTransaction, openBlock } from '../../../shared/ledger/apply.ts'
import type { LedgerDraft } from '../../../shared/ledger/context.ts'
import { ownerMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  type Claim,
  type Evidence,
  endorsementMessage,
  hashApplication,
  hashClaim,
  type Register,
  registerWalletMessage,
  type Voucher,
  voucherClaimMessage,
  voucherMessage,
} from '../../../shared/transaction/register.ts'
import type { Transaction } from '../../../shared/transaction/transaction.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const verifier = createNobleVerifier()

export const named = (name: string) => sha256(asciiBytes(name))

export class LedgerFixture {
  readonly chain: ChainBuilder
  draft: LedgerDraft

  constructor(keepers = 1) {
    this.chain = new ChainBuilder({ keepers, name: 'ledger' })
    this.draft = this.#open(1, this.chain.first.block.header.time + 1_000)
  }

  get networkId(): Uint8Array {
    return this.chain.networkId
  }

  get time(): number {
    return this.draft.block.time
  }

  #open(height: number, time: number): LedgerDraft {
    const { state, roster } = this.draft ?? { state: this.chain.first.tree, roster: this.chain.first.node.roster }
    return openBlock({ state, roster }, { networkId: this.networkId, parameters: this.chain.parameters, height, time })
  }

  /** Goes on with the next block, so much later. */
  nextBlock(ms = 1_000): void {
    this.draft = this.#open(this.draft.block.height + 1, this.time + ms)
  }

  /** The rules alone. */
  apply(transaction: Transaction): Verdict {
    return applyTransaction(this.draft, transaction)
  }

  /** The rules, and whether every signature they name holds. */
  async applySigned(transaction: Transaction): Promise<Verdict | 'bad signature'> {
    const before = this.draft.signatures.length
    const verdict = this.apply(transaction)
    const holds = await verifier.verifyBatch(this.draft.signatures.slice(before))
    return holds.every(Boolean) ? verdict : 'bad signature'
  }

  ownerSignature(kind: number, content: Uint8Array): Promise<Uint8Array> {
    return this.chain.owner.sign(ownerMessage(this.networkId, kind, content))
  }

  claim(name: string, anchor: Uint8Array, change: Partial<Claim> = {}): Claim {
    return {
      label: LABEL.lightweight,
      assurance: ASSURANCE.vouched,
      walletKey: namedSigner(name).publicKey,
      recoveryKey: namedSigner(`${name} recovery`).publicKey,
      anchor,
      profile: ZERO_HASH,
      addresses: [],
      ...change,
    }
  }

  async sign(
    claim: Claim,
    evidence: Evidence,
    wallet: Signer,
    endorsers: readonly TestDevice[] = [],
  ): Promise<Transaction> {
    const application = hashApplication({ claim, evidence })
    const endorsements: Register['endorsements'] = []
    for (const { deviceId, wallet: key } of endorsers)
      endorsements.push({ deviceId, signature: await key.sign(endorsementMessage(this.networkId, application)) })
    endorsements.sort((a, b) => (toHex(a.deviceId) < toHex(b.deviceId) ? -1 : 1))
    const walletSignature = await wallet.sign(registerWalletMessage(this.networkId, application))
    return { TAG: 'register', data: { claim, evidence, endorsements, walletSignature } }
  }

  async ownerRegister(
    name: string,
    change: Partial<Claim> = {},
    endorsers: readonly TestDevice[] = [],
  ): Promise<Transaction> {
    const wallet = namedSigner(name)
    const claim = this.claim(name, ownerAnchor(wallet.publicKey), change)
    const signature = await this.ownerSignature(KIND.register, hashClaim(claim))
    return this.sign(claim, { TAG: 'owners', data: [{ owner: 0, signature }] }, wallet, endorsers)
  }

  async voucher(issuer: TestDevice, change: Partial<Voucher> = {}, name = 'voucher'): Promise<Voucher> {
    const open = {
      issuer: issuer.deviceId,
      voucherKey: namedSigner(name).publicKey,
      notAfter: this.time + 60_000,
      label: LABEL.lightweight as number,
      ...change,
    }
    return { ...open, signature: await issuer.wallet.sign(voucherMessage(this.networkId, open)) }
  }

  async voucherRegister(
    name: string,
    voucher: Voucher,
    change: Partial<Claim> = {},
    endorsers: readonly TestDevice[] = [],
    voucherName = 'voucher',
  ): Promise<Transaction> {
    const claim = this.claim(name, voucherAnchor(voucher.voucherKey), change)
    const claimSignature = await namedSigner(voucherName).sign(voucherClaimMessage(this.networkId, claim))
    return this.sign(claim, { TAG: 'voucher', data: { voucher, claimSignature } }, namedSigner(name), endorsers)
  }

  device(name: string, anchor = ownerAnchor(namedSigner(name).publicKey)): TestDevice {
    const wallet = namedSigner(name)
    return {
      deviceId: deviceIdOf(this.networkId, wallet.publicKey, anchor),
      wallet,
      recovery: namedSigner(`${name} recovery`),
    }
  }

  /** Registers by the owners; throws when the rules refuse it. */
  async admit(name: string, change: Partial<Claim> = {}, endorsers: readonly TestDevice[] = []): Promise<TestDevice> {
    const verdict = await this.applySigned(await this.ownerRegister(name, change, endorsers))
    if (verdict === 'bad signature' || !verdict.ok) throw new Error(JSON.stringify(verdict))
    return this.device(name)
  }
}
