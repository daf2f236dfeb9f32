import { type KeyObject, sign as signWith, X509Certificate } from 'node:crypto'
import { availableParallelism, totalmem } from 'node:os'
import {
  certificateClaimMessage,
  certificateEvidenceCodec,
  certificateRenewalMessage,
  certifiedApplicationCodec,
} from '../../shared/admission/certificate-evidence.ts'
import { PROFILE_VERSION, profileOf } from '../../shared/admission/profile.ts'
import type { Payment } from '../../shared/admission/quote.ts'
import { concatBytes, equalBytes } from '../../shared/bytes.ts'
import { createSeedSigner, type Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import { certificateAnchor, ownerAnchor, voucherAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../shared/identity/label.ts'
import { publicVoucher, type VoucherSecret } from '../../shared/protocol/voucher-text.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import {
  type Claim,
  type Evidence,
  hashApplication,
  registerWalletMessage,
  voucherClaimMessage,
} from '../../shared/transaction/register.ts'
import { renewalMessage, transactionCodec } from '../../shared/transaction/transaction.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3

export interface Registration {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  /** Register transaction without endorsements: for POST /api/v1/join. */
  readonly transaction: Uint8Array
}

/** The registration of a device that was handed a voucher. */
export async function registerWithVoucher(
  secret: VoucherSecret,
  wallet: Signer,
  recoveryKey: Uint8Array,
): Promise<Registration> {
  const { networkId } = secret
  const voucher = publicVoucher(secret)
  const claim: Claim = {
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey,
    anchor: voucherAnchor(voucher.voucherKey),
    profile: hashBoardProfile(),
    addresses: [],
  }
  const claimSignature = await createSeedSigner(secret.seed).sign(voucherClaimMessage(networkId, claim))
  return await sign(networkId, wallet, claim, { TAG: 'voucher', data: { voucher, claimSignature } })
}

/**
 * The registration of a device whose public key the operator has enrolled.
 *
 * @param application claim || evidence, as the operator prepared them
 */
export async function registerExpected(
  networkId: Uint8Array,
  application: Uint8Array,
  wallet: Signer,
): Promise<Result<Registration, 'wrong-application'>> {
  const wrong = (detail: string) => reject('wrong-application' as const, detail)
  // Claim and evidence are read as part of the transaction that they belong to.
  const unsigned = concatBytes(Uint8Array.of(KIND.register), application, Uint8Array.of(0), new Uint8Array(64))
  const transaction = transactionCodec.decode(unsigned)
  if (!transaction.ok || transaction.value.TAG !== 'register')
    return wrong('What the relay has prepared for this device is not a registration.')
  const { claim, evidence } = transaction.value.data
  // Nothing is signed but what this device would say of itself.
  if (!equalBytes(claim.walletKey, wallet.publicKey) || !equalBytes(claim.anchor, ownerAnchor(wallet.publicKey)))
    return wrong('What the relay has prepared is for another device.')
  if (claim.label !== LABEL.lightweight || claim.addresses.length > 0)
    return wrong('What the relay has prepared is not for a small device.')
  return accept(await sign(networkId, wallet, claim, evidence))
}

export interface CertifiedKey {
  /** DER; the device's own first, the trusted root last. */
  readonly chain: readonly Uint8Array[]
  /** Of the device's own certificate. */
  readonly privateKey: KeyObject
}

/**
 * The registration of a device that has a certificate of its maker (DESIGN 4, A2): the certified key signs for the wallet
 * key. The ID stays the same however often it is made anew, with another nonce.
 *
 * @param nonce hash of the settled block
 * @param payments to each endorser what it asks
 * @returns the registration, and the certified application for POST /api/v1/join/certified
 */
export async function registerWithCertificate(
  { networkId, nonce }: { readonly networkId: Uint8Array; readonly nonce: Uint8Array },
  key: CertifiedKey,
  wallet: Signer,
  recoveryKey: Uint8Array,
  payments: readonly Payment[] = [],
): Promise<Registration & { readonly application: Uint8Array }> {
  const claim: Claim = {
    label: LABEL.lightweight,
    assurance: ASSURANCE.certified,
    walletKey: wallet.publicKey,
    recoveryKey,
    anchor: anchorOf(key),
    profile: hashBoardProfile(),
    addresses: [],
  }
  const { evidence, stated } = evidenceOf(key, nonce, certificateClaimMessage(networkId, claim, nonce))
  const registration = await sign(networkId, wallet, claim, { TAG: 'certificate', data: stated })
  const application = certifiedApplicationCodec.encode({
    transaction: registration.transaction,
    evidence,
    payments: [...payments],
  })
  return { ...registration, application }
}

/**
 * Newer evidence for a device that came in by a certificate of the same key.
 *
 * @param nonce hash of the settled block
 * @param sequence of the last transaction that the device signed
 * @returns the certified application for POST /api/v1/join/certified, and until when it is good, ms
 */
export async function renewWithCertificate(
  { networkId, nonce }: { readonly networkId: Uint8Array; readonly nonce: Uint8Array },
  key: CertifiedKey,
  wallet: Signer,
  { deviceId, sequence }: { readonly deviceId: Uint8Array; readonly sequence: number },
): Promise<{ readonly application: Uint8Array; readonly notAfter: number }> {
  const { evidence, stated } = evidenceOf(key, nonce, certificateRenewalMessage(networkId, deviceId, nonce))
  const renewal = { deviceId, sequence: sequence + 1, ...stated }
  const signature = await wallet.sign(renewalMessage(networkId, renewal))
  const data = { renewal, endorsements: [], authority: { TAG: 'wallet' as const, data: signature } }
  const transaction = transactionCodec.encode({ TAG: 'evidence', data })
  return {
    application: certifiedApplicationCodec.encode({ transaction, evidence, payments: [] }),
    notAfter: stated.notAfter,
  }
}

/** The trusted root that it stands on, and what is unique about it: what its price depends on. */
export function certifiedNewcomer(key: CertifiedKey): { readonly issuer: Uint8Array; readonly anchor: Uint8Array } {
  return { issuer: sha256(key.chain.at(-1) as Uint8Array), anchor: anchorOf(key) }
}

function anchorOf({ chain }: CertifiedKey): Uint8Array {
  const leaf = new X509Certificate(chain[0] as Uint8Array)
  return certificateAnchor(leaf.publicKey.export({ format: 'der', type: 'spki' }))
}

/** @param message what the certified key signs */
function evidenceOf({ chain, privateKey }: CertifiedKey, nonce: Uint8Array, message: Uint8Array) {
  const signature = signWith('sha256', message, privateKey)
  const evidence = certificateEvidenceCodec.encode({ version: 1, chain: [...chain], nonce, signature })
  const ends = chain.map((der) => Date.parse(new X509Certificate(der).validTo))
  const stated = {
    issuer: sha256(chain.at(-1) as Uint8Array),
    evidence: sha256(evidence),
    notAfter: Math.min(...ends),
  }
  return { evidence, stated }
}

async function sign(networkId: Uint8Array, wallet: Signer, claim: Claim, evidence: Evidence): Promise<Registration> {
  const walletSignature = await wallet.sign(registerWalletMessage(networkId, hashApplication({ claim, evidence })))
  const data = { claim, evidence, endorsements: [], walletSignature }
  return {
    networkId,
    deviceId: deviceIdOf(networkId, claim.walletKey, claim.anchor),
    transaction: transactionCodec.encode({ TAG: 'register', data }),
  }
}

/** What a board says of itself when it asks for its price. */
export function boardProfile() {
  const measured = profileOf({ cores: availableParallelism(), memoryMiB: totalmem() / MIB })
  return { version: PROFILE_VERSION, ...measured }
}

/** `u8 1 || u8 cores || u8 memory, GiB`: what a board says of itself. */
function hashBoardProfile(): Uint8Array {
  const byte = (value: number) => Math.min(255, Math.floor(value))
  return sha256(Uint8Array.of(1, byte(availableParallelism()), byte(totalmem() / GIB)))
}
