import { decodeDirectory, signDirectory } from '../../../shared/fleet/directory.ts'
import type { ProtocolChain } from './build-chain.ts'

/** Section 11: a directory of two devices, signed by the relay. */
export async function directoryExample({ chain, relay, phone }: ProtocolChain): Promise<unknown> {
  const entries = [
    { deviceId: phone.deviceId, name: 'Phone of the workshop', model: '', serial: 'P-1', mac: undefined, vendor: '' },
    {
      deviceId: relay.deviceId,
      name: 'Wärmepumpe',
      model: 'WP-200',
      serial: 'SN-0001',
      mac: Uint8Array.of(0x00, 0x1b, 0x63, 0x84, 0x45, 0xe6),
      vendor: 'Apple, Inc.',
    },
  ]
  const content = { networkId: chain.networkId, signer: relay.deviceId, madeAt: 1_700_000_000_000, entries }
  const encoded = await signDirectory(content, relay.wallet)
  const decoded = decodeDirectory(encoded)
  if (!decoded.ok) throw new Error(decoded.detail)
  return { fields: decoded.value, encoded, derived: { signerWalletKey: relay.wallet.publicKey } }
}
