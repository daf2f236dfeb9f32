/**
 * An applicant that has no blocks: it is registered, signs all that it should, answers at its address, and follows headers alone.
 * To a storage challenge it answers with the blocks that headers make: without transactions.
 */
import { createNodeSigner } from '../../node-relay/crypto/node-signer.ts'
import { registerWithVoucher } from '../../node-relay/device-agent/registration.ts'
import { createRelayClient } from '../../node-relay/device-agent/relay-client.ts'
import { fullApplicationCodec, fullApplicationMessage } from '../../shared/admission/full-application.ts'
import { UNKNOWN_PROFILE } from '../../shared/admission/profile.ts'
import { storageDigest } from '../../shared/admission/storage-challenge.ts'
import { blockCodec } from '../../shared/block/block.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { hashHeader } from '../../shared/header/header.ts'
import {
  type FullAnswer,
  fullAnswerCodec,
  storageAnswerCodec,
  storageMessage,
  storageRequestCodec,
} from '../../shared/protocol/full-messages.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { headersCodec, headersRequestCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'
import { parseVoucher } from '../../shared/protocol/voucher-text.ts'
import { runSteps } from '../../shared/steps.ts'
import { addressOf, startRelayNetwork } from './network.ts'

export interface HeadersOnlyInit {
  readonly networkId: Uint8Array
  readonly voucher: string
  /** Of a relay, where it registers. */
  readonly url: string
  /** TCP multiaddrs of full nodes: it applies to the first, and syncs from it. */
  readonly relays: readonly string[]
  readonly seed: Uint8Array
}

export interface HeadersOnlyApplicant {
  readonly deviceId: Uint8Array
  /** Challenges that it answered, wrong as they are. */
  readonly answered: number
  apply(): Promise<FullAnswer>
  stop(): Promise<void>
}

export async function startHeadersOnlyApplicant(init: HeadersOnlyInit): Promise<HeadersOnlyApplicant> {
  const { networkId } = init
  const wallet = createNodeSigner(init.seed)
  const sealing = createNodeSigner(init.seed.map((byte) => byte ^ 1))
  const voucher = parseVoucher(init.voucher, networkId)
  if (!voucher.ok) throw new Error(voucher.detail)
  const { deviceId, transaction } = await registerWithVoucher(voucher.value, wallet, wallet.publicKey)
  await createRelayClient(init.url).post('/api/v1/join', transaction)

  const network = await startRelayNetwork({ tcpPort: 0 })
  const headers: HeaderItem[] = []
  let answered = 0
  const [relay] = await Promise.all(init.relays.map((address) => network.dial(address)))
  if (relay === undefined) throw new Error('no relay')

  async function follow(): Promise<void> {
    const last = headers.at(-1)
    const locator = [last === undefined ? networkId : hashHeader(last.sealed.header)]
    const request = headersRequestCodec.encode({ networkId, locator, count: 1_000 })
    const answer = headersCodec.decode(await network.request(relay?.peerId ?? '', PROTOCOLS.headers, request))
    if (answer.ok) headers.push(...answer.value.items)
  }

  // It passes on what a real one says of itself.
  await network.handle(PROTOCOLS.status, () =>
    network.request(relay.peerId, PROTOCOLS.status, statusRequestCodec.encode({ networkId })),
  )
  await network.handle(PROTOCOLS.storageChallenge, async (_from, bytes) => {
    const request = storageRequestCodec.decode(bytes)
    if (!request.ok) return 'reject'
    const { height } = request.value
    while (headers.length < height) await follow()
    const digest = runSteps(
      storageDigest(storageMessage(request.value), height, (at) =>
        blockCodec.encode({ ...(headers[at - 1] as HeaderItem).sealed, transactions: [] }),
      ),
    )
    answered++
    return storageAnswerCodec.encode({ TAG: 'answered', data: { digest: digest as Uint8Array } })
  })

  return {
    deviceId,
    get answered() {
      return answered
    },
    async apply() {
      const content = {
        ...{ version: 1, networkId, deviceId, issuedAt: Date.now(), sealingKey: sealing.publicKey },
        profile: { version: 2, ...UNKNOWN_PROFILE, storageMiB: 1_000_000 },
        addresses: [addressOf(network.addresses(), 'tcp')],
        statements: [],
      }
      const message = fullApplicationMessage(content)
      const signature = await wallet.sign(message)
      const application = { ...content, signature, sealingSignature: await sealing.sign(message) }
      const bytes = fullApplicationCodec.encode(application)
      // A connection that has ended is opened anew, as a real one does.
      const ask = async () => {
        await network.dial(init.relays[0] as string)
        return network.request(relay.peerId, PROTOCOLS.fullApplication, bytes)
      }
      const answer = fullAnswerCodec.decode(await ask().catch(ask))
      if (!answer.ok) throw new Error(answer.detail)
      return answer.value
    },
    stop: () => network.stop(),
  }
}
