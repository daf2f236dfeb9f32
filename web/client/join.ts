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
import type { IdentityRecord } from '../store/local-store.ts'
import type { Failure, Outcome, PairingView } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import type { Identity } from './identity.ts'
import type { Pairing } from './pairing.ts'
import type { ClientPorts } from './ports.ts'
import { joinFailure, NO_ED25519, STORAGE_REFUSED } from './sentences.ts'

/** Recovery words asked back. */
const ASKED_WORDS = 3
/** A voucher waits this long for the headers to be caught up, ms. */
const READY_MS = 5_000

interface Prepared {
  /** undefined: the operator of a relay is asked. */
  readonly secret: VoucherSecret | undefined
  readonly wallet: WebSigner
  readonly words: readonly string[]
  readonly asked: readonly number[]
  readonly recoveryKey: Uint8Array
}

interface Asked {
  readonly words: readonly string[]
  readonly asked: readonly number[]
}

/** A join up to its submission: a voucher is checked, or an operator asked; the words are shown once and asked back. */
export class Join {
  readonly #access: ChainAccess
  readonly #identity: Identity
  readonly #ports: ClientPorts
  #prepared: Prepared | undefined
  #confirming = false
  #pairing: Pairing | undefined
  readonly #onChange: () => void

  constructor(access: ChainAccess, identity: Identity, ports: ClientPorts, onChange: () => void) {
    this.#onChange = onChange
    this.#access = access
    this.#identity = identity
    this.#ports = ports
  }

  /** How it stands with the operator; undefined when nobody is asked. */
  get pairing(): PairingView | undefined {
    return this.#pairing?.view()
  }

  async prepare(text: string): Promise<Outcome<Asked>> {
    const taken = this.#begin()
    if (taken !== undefined) return taken
    const secret = parseVoucher(text, this.#access.networkId)
    if (!secret.ok) return joinFailure(secret.code)
    return (await this.#checkVoucher(secret.value)) ?? (await this.#makeWallet(secret.value))
  }

  async preparePairing(): Promise<Outcome<Asked>> {
    return this.#begin() ?? (await this.#makeWallet(undefined))
  }

  #begin(): Failure | undefined {
    this.cancel()
    const { record } = this.#identity
    if (record !== undefined && record.failure === undefined && record.state !== 'retired' && !this.#identity.isLost)
      return joinFailure(record.state === 'joining' ? 'join-under-way' : 'already-joined')
    return undefined
  }

  async #makeWallet(secret: VoucherSecret | undefined): Promise<Outcome<Asked>> {
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
    this.#prepared = { secret, wallet: wallet.value, words, asked, recoveryKey }
    return { ok: true, value: { words, asked } }
  }

  async confirm(answers: readonly string[]): Promise<Outcome<null>> {
    const prepared = this.#prepared
    if (prepared === undefined) return joinFailure('not-prepared')
    if (this.#confirming) return joinFailure('join-under-way')
    const { asked, words } = prepared
    const isRight = asked.every((position, i) => answers[i]?.trim().toLowerCase() === words[position])
    if (!isRight || answers.length !== asked.length) return joinFailure('wrong-words')
    if (prepared.secret === undefined) return await this.#pair(prepared)
    this.#confirming = true
    try {
      const application = await this.#apply(prepared, prepared.secret)
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
    this.#pairing?.stop()
    this.#pairing = undefined
  }

  /** Resolves once it is under way: what becomes of it is in the view. */
  async #pair(prepared: Prepared): Promise<Outcome<null>> {
    const { Pairing } = await import('./pairing.ts').catch(() => ({ Pairing: undefined }))
    if (Pairing === undefined) return joinFailure('no-server')
    if (this.#prepared !== prepared) return joinFailure('not-prepared')
    this.#prepared = undefined
    const { wallet, recoveryKey } = prepared
    const { clock, verifier, loadScrypt } = this.#ports
    const pairing = new Pairing({
      ...{ access: this.#access, clock, verifier, loadScrypt, wallet, recoveryKey, onChange: this.#onChange },
      onApproved: async (claim, evidence) => {
        const record = await this.#record(claim, evidence, wallet)
        // Stopped meanwhile.
        if (this.#pairing !== pairing) return
        await this.#identity.begin(record, wallet.keyPair)
        this.#pairing = undefined
        this.#onChange()
      },
    })
    this.#pairing = pairing
    this.#onChange()
    void pairing.run()
    return { ok: true, value: null }
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
  async #apply({ wallet, recoveryKey }: Prepared, secret: VoucherSecret): Promise<IdentityRecord> {
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
    const message = voucherClaimMessage(this.#access.networkId, claim)
    const claimSignature = await createSeedSigner(secret.seed).sign(message)
    return await this.#record(claim, { TAG: 'voucher', data: { voucher, claimSignature } }, wallet)
  }

  async #record(claim: Claim, evidence: Evidence, wallet: WebSigner): Promise<IdentityRecord> {
    const { networkId } = this.#access
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
