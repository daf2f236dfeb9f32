/**
 * Shows that what a relay prints stays true: its addresses, with the certificate's hash and its peer ID, are the same after
 * a restart and after sixty days, and a link from the first day still leads to it.
 * How: the command line as a process, three times on one data directory with fixed ports, the last time under a calendar
 * sixty days ahead; each time the page's own network code dials the addresses of the first day and asks for the status.
 */

import { expect, it } from 'vitest'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { parseJoinLink } from '../../shared/protocol/join-link.ts'
import { statusCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'
import { createBrowserNetwork } from '../../web/network/browser-network.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { addressOf } from '../framework/network.ts'
import { makeDataDir, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

const DAY_MS = 86_400_000
const PRELOAD = new URL('../framework/shift-date.ts', import.meta.url).href

interface Shown {
  readonly origin: string
  readonly networkId: string
  readonly addresses: readonly string[]
  /** As the relay tells it, ms. */
  readonly time: number
}

it('the printed address is the same after a restart and after sixty days', { timeout: 180_000 }, async () => {
  const dataDir = await makeDataDir()
  const flags = await fixedPortFlags()

  /** Starts the relay, reads its link, and reaches it at the addresses of the first day. */
  async function start(daysAhead: number, firstAddresses?: readonly string[]): Promise<Shown> {
    const env = { LARES_TEST_DAYS_AHEAD: String(daysAhead), NODE_OPTIONS: `--import=${PRELOAD}` }
    const relay = await startRelayProcess({ dataDir, flags, ...(daysAhead === 0 ? {} : { env }) })
    try {
      const join = parseJoinLink(relay.joinUrl)
      if (!join.ok) throw new Error(join.detail)
      const { addresses, networkId } = join.value.link
      const answer = await fetch(`${relay.localUrl}api/v1/join`)
      expect(((await answer.json()) as { addresses: string[] }).addresses).toEqual(addresses)
      const time = await timeAt(addressOf(firstAddresses ?? addresses, 'webrtc-direct'), networkId)
      return {
        origin: new URL(relay.joinUrl).origin,
        networkId: Buffer.from(networkId).toString('hex'),
        addresses,
        time,
      }
    } finally {
      await relay.stop()
    }
  }

  try {
    const { time: firstTime, ...first } = await start(0)
    console.log(first.addresses)
    const { time: secondTime, ...second } = await start(0, first.addresses)
    const { time: lastTime, ...last } = await start(60, first.addresses)
    expect(second).toEqual(first)
    expect(last).toEqual(first)
    expect(secondTime - firstTime).toBeLessThan(DAY_MS)
    // It really believed to be there.
    expect(lastTime - firstTime).toBeGreaterThan(59.9 * DAY_MS)
  } finally {
    await removeDataDir(dataDir)
  }
})

/** Dials as a page does, which holds the relay to the certificate hash and peer ID of the address; the relay's clock, ms. */
async function timeAt(address: string, networkId: Uint8Array): Promise<number> {
  const network = await createBrowserNetwork()
  try {
    const { peerId } = await network.dial(address)
    const request = statusRequestCodec.encode({ networkId })
    const status = statusCodec.decode(await network.request(peerId, PROTOCOLS.status, request))
    if (!status.ok) throw new Error(status.detail)
    return status.value.time
  } finally {
    await network.stop()
  }
}
