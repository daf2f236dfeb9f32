import type { Signer } from '../../shared/crypto/signer.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { formatVoucher } from '../../shared/protocol/voucher-text.ts'
import { voucherMessage } from '../../shared/transaction/register.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'
import type { FleetEntry } from './fleet-file.ts'

type VoucherEntrance = Extract<FleetEntry['entrance'], { TAG: 'voucher' }>

export interface Issuer {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  readonly wallet: Signer
}

/** A new one-time key that the relay vouches for. */
export async function mintVoucher({ networkId, deviceId, wallet }: Issuer, notAfter: number): Promise<VoucherEntrance> {
  const seed = generateSeed()
  const voucherKey = createNodeSigner(seed).publicKey
  const voucher = { issuer: deviceId, voucherKey, notAfter, label: LABEL.lightweight }
  const signature = await wallet.sign(voucherMessage(networkId, voucher))
  return { TAG: 'voucher', data: { voucherKey, seed, notAfter, signature } }
}

/** The voucher as it is handed over: signed by the present key, since it may be from before that took over. */
export async function textOfVoucher(
  { networkId, deviceId, wallet }: Issuer,
  { data }: VoucherEntrance,
): Promise<string> {
  const { seed, notAfter, voucherKey } = data
  const voucher = { issuer: deviceId, voucherKey, notAfter, label: LABEL.lightweight }
  const signature = await wallet.sign(voucherMessage(networkId, voucher))
  return formatVoucher({ version: 1, networkId, seed, issuer: deviceId, notAfter, label: LABEL.lightweight, signature })
}
