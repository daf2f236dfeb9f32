/**
 * Devices of a real relay, registered by real transactions: vouchers from its command line, claims by the devices' own
 * keys, and the endorsement of the relay, signed with its wallet, which the test may read.
 */
import { createNodeSigner } from '../../node-relay/crypto/node-signer.ts'
import { loadKeys } from '../../node-relay/full-node/keys.ts'
import { readRelayFile } from '../../node-relay/full-node/relay-file.ts'
import { asciiBytes, fromHex } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/hash.ts'
import { voucherAnchor } from '../../shared/identity/anchor.ts'
import { ASSURANCE } from '../../shared/identity/label.ts'
import { parseVoucher, publicVoucher } from '../../shared/protocol/voucher-text.ts'
import {
  type Claim,
  type Evidence,
  endorsementMessage,
  hashApplication,
  registerWalletMessage,
  voucherClaimMessage,
} from '../../shared/transaction/register.ts'
import { transactionCodec, transactionIdOf } from '../../shared/transaction/transaction.ts'
import { lares } from './relay-process.ts'

/** Vouchers that one command makes at most. */
const VOUCHERS_AT_ONCE = 100

export interface Registration {
  /** Hex. */
  readonly id: string
  readonly bytes: Uint8Array
}

/** Register transactions of so many new devices. The relay must have founded its network. */
export async function makeRegistrations(dataDir: string, count: number, name = 'device'): Promise<Registration[]> {
  const { wallet } = await loadKeys(dataDir)
  const relay = readRelayFile(dataDir)
  const networkId = fromHex(relay.networkId)
  const registrations: Registration[] = []
  while (registrations.length < count) {
    const wanted = Math.min(VOUCHERS_AT_ONCE, count - registrations.length)
    const { code, stdout, stderr } = await lares(dataDir, 'voucher', 'create', '--json', '--count', String(wanted))
    if (code !== 0) throw new Error(`voucher create: ${stderr}`)
    for (const { text } of JSON.parse(stdout) as { text: string }[]) {
      const parsed = parseVoucher(text, networkId)
      if (!parsed.ok) throw new Error(parsed.detail)
      const secret = parsed.value
      const seed = (what: string) => sha256(asciiBytes(`${name} ${registrations.length} ${what}`))
      const device = createNodeSigner(seed('wallet'))
      const voucher = publicVoucher(secret)
      const claim: Claim = {
        label: secret.label,
        assurance: ASSURANCE.vouched,
        walletKey: device.publicKey,
        recoveryKey: createNodeSigner(seed('recovery')).publicKey,
        anchor: voucherAnchor(voucher.voucherKey),
        profile: sha256(asciiBytes('profile')),
        addresses: [],
      }
      const claimSignature = await createNodeSigner(secret.seed).sign(voucherClaimMessage(networkId, claim))
      const evidence: Evidence = { TAG: 'voucher', data: { voucher, claimSignature } }
      const application = hashApplication({ claim, evidence })
      const bytes = transactionCodec.encode({
        TAG: 'register',
        data: {
          claim,
          evidence,
          endorsements: [
            {
              deviceId: fromHex(relay.deviceId),
              signature: await wallet.sign(endorsementMessage(networkId, application)),
            },
          ],
          walletSignature: await device.sign(registerWalletMessage(networkId, application)),
        },
      })
      registrations.push({ id: Buffer.from(transactionIdOf(networkId, bytes)).toString('hex'), bytes })
    }
  }
  return registrations
}
