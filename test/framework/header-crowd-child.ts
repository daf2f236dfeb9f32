/** Browser-like hosts that listen for a network's headers. Started by `runHeaderCrowd`. */
import { toHex } from '../../shared/bytes.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { MAX_GOSSIP_HEADER_LENGTH } from '../../shared/protocol/ids.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import { createBrowserNetwork } from '../../web/network/browser-network.ts'
import type { CrowdChildInit, FromCrowdChild } from './header-crowd.ts'

const init = JSON.parse(process.argv[2] ?? '{}') as CrowdChildInit
const send = (message: FromCrowdChild) => process.send?.(message)
process.on('disconnect', () => process.exit())

await Promise.all(
  Array.from({ length: init.hosts }, async (_, host) => {
    const network = await createBrowserNetwork()
    network.subscribe(init.topic, MAX_GOSSIP_HEADER_LENGTH, async (_from, bytes) => {
      const item = headerItemCodec.decode(bytes)
      if (!item.ok) return 'reject'
      send({ kind: 'header', host, hash: toHex(hashHeader(item.value.sealed.header)) })
      return 'accept'
    })
    network.on('disconnected', () => send({ kind: 'lost', host }))
    await network.dial(init.address)
  }),
)
send({ kind: 'ready' })
