/**
 * Newcomers, on the machine of a relay: each joins there by HTTP, and asks the coordination node, as a phone does, where the
 * chain stands and where the full nodes serve. argv: relay URL, address of the coordination node, vouchers.
 */
import { createNodeKey, createRelayNetwork } from '../../../node-relay/network/relay-network.ts'
import { createWebRtcCertificate } from '../../../node-relay/network/webrtc-certificate.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { statusRequestCodec } from '../../../shared/protocol/messages.ts'
import { serversCodec, serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { SmallDevice } from '../../framework/small-device.ts'

const [relay = '', address = '', ...vouchers] = process.argv.slice(2)
for (const voucher of vouchers) {
  const device = new SmallDevice({ relay })
  await device.join(voucher)
  const network = await createRelayNetwork({
    privateKey: await createNodeKey(),
    webrtcCertificate: await createWebRtcCertificate(),
    udpPort: 0,
  })
  const { peerId } = await network.dial(address)
  const { networkId } = device
  await network.request(peerId, PROTOCOLS.status, statusRequestCodec.encode({ networkId }))
  const asked = serversRequestCodec.encode({ networkId, seats: [0] })
  const answer = serversCodec.decode(await network.request(peerId, PROTOCOLS.servers, asked))
  if (!answer.ok || answer.value.records.length !== 1) throw new Error('nobody says where the full node serves')
  await network.stop()
}
process.exit(0)
