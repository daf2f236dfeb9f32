import { hashProfile } from '../../shared/admission/profile.ts'
import { deriveSeed, encodeRecoveryWords, RECOVERY_ENTROPY_LENGTH } from '../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { voucherAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL, STATUS } from '../../shared/identity/label.ts'
import { anchorKey, deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import { parseVoucher, publicVoucher, type VoucherSecret } from '../../shared/protocol/voucher-text.ts'
import {
  type Claim,
  type Evidence,
  hashApplication,
  registerWalletMessage,
  voucherClaimMessage,
  voucherMessage,
} from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { WebSigner } from '../crypto/web-signer.ts'
import type { Failure, Outcome } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import type { Identity } from './identity.ts'
import type { ClientPorts } from './ports.ts'
import { joinFailure, NO_ED25519, STORAGE_REFUSED } from './sentences.ts'

/** Recovery words asked back. */
const ASKED_WORDS = 3
/** A voucher waits this long for the headers to be caught up, ms. */
const READY_MS = 5_000

interface Prepared {
  readonly secret: VoucherSecret
  readonly wallet: WebSigner
  readonly words: readonly string[]
  readonly asked: readonly number[]
  readonly recoveryKey: Uint8Array
}

/** A join by voucher up to its submission: the voucher is checked, the words are shown once and asked back. */
export class Join {
  readonly #access: ChainAccess
  readonly #identity: Identity
  readonly #ports: ClientPorts
  #prepared: Prepared | undefined
  #confirming = false

  constructor(access: ChainAccess, identity: Identity, ports: ClientPorts) {
    this.#access = access
    this.#identity = identity
    this.#ports = ports
  }

  async prepare(text: string): Promise<Outcome<{ words: readonly string[]; asked: readonly number[] }>> {
    this.cancel()
    const { record } = this.#identity
    if (record !== undefined && record.failure === undefined && record.state !== 'retired' && !this.#identity.isLost)
      return joinFailure(record.state === 'joining' ? 'join-under-way' : 'already-joined')
    const secret = parseVoucher(text, this.#access.networkId)
    if (!secret.ok) return joinFailure(secret.code)
    const checked = await this.#checkVoucher(secret.value)
    if (checked !== undefined) return checked

    const list = await this.#ports.loadWords().catch(() => undefined)
    if (list === undefined) return joinFailure('no-words')
    const wallet = await this.#ports.createWallet()
    if (!wallet.ok) return NO_ED25519
    const entropy = this.#ports.random(RECOVERY_ENTROPY_LENGTH)
    const words = encodeRecoveryWords(entropy, list).split(' ')
    // Only the public half is kept from here on: the words alone bring the private one back.
    const recoveryKey = createSeedSigner(deriveSeed(entropy, 'recovery')).publicKey
    entropy.fill(0)
    const asked = pickPositions(words.length, this.#ports.random)
    this.#prepared = { secret: secret.value, wallet: wallet.value, words, asked, recoveryKey }
    return { ok: true, value: { words, asked } }
  }

  async confirm(answers: readonly string[]): Promise<Outcome<null>> {
    const prepared = this.#prepared
    if (prepared === undefined) return joinFailure('not-prepared')
    if (this.#confirming) return joinFailure('join-under-way')
    const { asked, words } = prepared
    const isRight = asked.every((position, i) => answers[i]?.trim().toLowerCase() === words[position])
    if (!isRight || answers.length !== asked.length) return joinFailure('wrong-words')
    this.#confirming = true
    try {
      const application = await this.#apply(prepared)
      const refused = await this.#identity.begin(application, prepared.wallet.keyPair)
      // Where it could not be stored, the words on paper are good for the next try.
      if (this.#prepared === prepared) this.#prepared = undefined
      return refused ?? { ok: true, value: null }
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    } finally {
      this.#confirming = false
    }
  }

  cancel(): void {
    this.#prepared = undefined
  }

  /** @returns why the voucher is no good, as far as the ledger proves it; undefined when it is good */
  async #checkVoucher(secret: VoucherSecret): Promise<Failure | undefined> {
    if (secret.label !== LABEL.lightweight) return joinFailure('voucher-for-another-label')
    await this.#access.until(() => this.#isReady, READY_MS)
    const tip = this.#access.graph?.tip
    if (tip === undefined || !this.#isReady) return joinFailure('cannot-check')
    if (Math.max(tip.sealed.header.time, this.#ports.clock.now()) > secret.notAfter)
      return joinFailure('voucher-expired')

    const voucher = publicVoucher(secret)
    const issuer = await this.#access.query(tip, deviceKey(voucher.issuer))
    if (issuer.kind !== 'proven') return joinFailure('cannot-check')
    const record = issuer.value === undefined ? undefined : readDeviceRecord(issuer.value, voucher.issuer)
    if (record?.ok !== true || record.value.status !== STATUS.active) return joinFailure('unknown-issuer')
    if ((record.value.label & (LABEL.full | LABEL.coordination)) === 0) return joinFailure('issuer-has-no-right')
    const message = voucherMessage(this.#access.networkId, voucher)
    const { signature } = voucher
    if (!(await this.#ports.verifier.verify({ publicKey: record.value.walletKey, message, signature })))
      return joinFailure('voucher-altered')
    const used = await this.#access.query(tip, anchorKey(voucherAnchor(voucher.voucherKey)))
    if (used.kind !== 'proven') return joinFailure('cannot-check')
    return used.value === undefined ? undefined : joinFailure('voucher-used')
  }

  get #isReady(): boolean {
    return this.#access.phase === 'following' || this.#access.phase === 'asleep'
  }

  /** Claim, evidence and the wallet's signature. The voucher's private key signs here and goes nowhere. */
  async #apply({ secret, wallet, recoveryKey }: Prepared): Promise<Parameters<Identity['begin']>[0]> {
    const { networkId } = this.#access
    const voucher = publicVoucher(secret)
    const claim: Claim = {
      label: LABEL.lightweight,
      assurance: ASSURANCE.vouched,
      walletKey: wallet.publicKey,
      recoveryKey,
      anchor: voucherAnchor(voucher.voucherKey),
      profile: hashProfile(await this.#access.profile()),
      addresses: [],
    }
    const claimSignature = await createSeedSigner(secret.seed).sign(voucherClaimMessage(networkId, claim))
    const evidence: Evidence = { TAG: 'voucher', data: { voucher, claimSignature } }
    const message = registerWalletMessage(networkId, hashApplication({ claim, evidence }))
    const data = { claim, evidence, endorsements: [], walletSignature: await wallet.sign(message) }
    return {
      state: 'joining',
      deviceId: deviceIdOf(networkId, claim.walletKey, claim.anchor),
      anchor: claim.anchor,
      label: claim.label,
      application: transactionCodec.encode({ TAG: 'register', data }),
      transaction: undefined,
      done: ['verify-voucher'],
      failure: undefined,
    }
  }
}

/** Three different positions, in order, each as likely as any. */
function pickPositions(count: number, random: (length: number) => Uint8Array): number[] {
  const positions = Array.from({ length: count }, (_, i) => i)
  const bytes = random(ASKED_WORDS * 4)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const picked: number[] = []
  for (let i = 0; i < ASKED_WORDS; i++) picked.push(...positions.splice(view.getUint32(i * 4) % positions.length, 1))
  return picked.sort((a, b) => a - b)
}
