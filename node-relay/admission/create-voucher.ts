import { fromHex } from '../../shared/bytes.ts'
import { createSeedSigner } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { formatVoucher } from '../../shared/protocol/voucher-text.ts'
import { voucherMessage } from '../../shared/transaction/register.ts'
import { generateSeed } from '../crypto/node-signer.ts'
import { loadKeys } from '../full-node/keys.ts'
import { readRelayFile } from '../full-node/relay-file.ts'

const DAY_MS = 86_400_000

export interface NewVoucher {
  /** With the one-time private key: whoever has it can use it once. */
  readonly text: string
  /** Opens the page with join link and voucher; undefined when the relay has never printed its page's address. */
  readonly url: string | undefined
  /** ms since the Unix epoch */
  readonly expires: number
}

/**
 * Vouches for devices to come: each voucher lets one lightweight device in. Signed with the relay's wallet key; nothing
 * is sent anywhere, so the relay need not run.
 * @throws {LaresError} `no-keys`, `keys-damaged`, `no-relay`
 */
export async function createVoucher(init: {
  readonly dataDir: string
  readonly count: number
  readonly days: number
  readonly now?: number
}): Promise<NewVoucher[]> {
  const keys = await loadKeys(init.dataDir)
  // A voucher is judged by the key of its day: one of a key that is being replaced would soon be void.
  const { wallet } = keys.next ?? keys
  const relay = readRelayFile(init.dataDir)
  // A coordination node without blocks comes into the ledger after its first start.
  if (relay.deviceId === '')
    throw new LaresError(
      'not-registered',
      'This node is not in the ledger yet, so its vouchers would count for nothing.',
    )
  const networkId = fromHex(relay.networkId)
  const issuer = fromHex(relay.deviceId)
  const notAfter = (init.now ?? Date.now()) + init.days * DAY_MS
  const vouchers: NewVoucher[] = []
  for (let i = 0; i < init.count; i++) {
    const seed = generateSeed()
    const voucher = { issuer, voucherKey: createSeedSigner(seed).publicKey, notAfter, label: LABEL.lightweight }
    const signature = await wallet.sign(voucherMessage(networkId, voucher))
    const text = formatVoucher({ version: 1, networkId, seed, issuer, notAfter, label: voucher.label, signature })
    const url = relay.pageUrl && relay.link ? `${relay.pageUrl}#join=${relay.link}&voucher=${text}` : undefined
    vouchers.push({ text, url, expires: notAfter })
  }
  return vouchers
}
