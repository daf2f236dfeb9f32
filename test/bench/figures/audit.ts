import { fromHex } from '../../../shared/bytes.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { lares, type RelayProcess, removeDataDir, startRelayProcess } from '../../framework/relay-process.ts'
import type { benchPage } from '../browser/page.ts'
import { openBrowser } from './chromium.ts'
import { type Bench, median, rounded } from './figure.ts'
import { sampleKey } from './sample-keys.ts'

const ROUNDS = 10
const A_ROUND = 10

/** An audit in a real Chromium against a real relay over WebRTC, against libp2p's ping over the same connection. */
export const audit: Bench = async ({ quick, say }) => {
  const [rounds, each] = quick ? [1, 3] : [ROUNDS, A_ROUND]
  say('audit: a relay and a browser')
  const relay = await startRelayProcess()
  const { deviceId, networkId } = await registered(relay)
  const browser = await openBrowser()
  const absent = formatDeviceId(fromHex(networkId), sampleKey(0, 'absent'))
  try {
    return await browser.withPage(async (page) => {
      const transport = await page.evaluate(async (link) => {
        const { benchPage: bench } = (await import(/* @vite-ignore */ `${location.origin}/page.js`)) as {
          benchPage: typeof benchPage
        }
        return bench.connect(link)
      }, relay.joinUrl)
      if (transport !== 'webrtc-direct') throw new Error(`connected over ${transport}`)
      const ask = (what: 'ping' | 'present' | 'absent') =>
        page.evaluate(
          async ([kind, id, count]) => {
            const { benchPage: bench } = globalThis as unknown as { benchPage: typeof benchPage }
            if (kind === 'ping') return bench.pings(count)
            return bench.audits(id, kind === 'present' ? 'registered' : 'not-in-ledger', count)
          },
          [what, what === 'absent' ? absent : deviceId, each] as const,
        )
      const times = { ping: [] as number[], present: [] as number[], absent: [] as number[] }
      for (const kind of ['ping', 'present', 'absent'] as const) await ask(kind)
      for (let round = 0; round < rounds; round++) {
        const kinds = ['ping', 'present', 'absent'] as const
        for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) times[kind].push(...(await ask(kind)))
      }
      const middle = { ping: median(times.ping), present: median(times.present), absent: median(times.absent) }
      const slow = (list: readonly number[]) =>
        [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.95)] as number
      return {
        name: 'audit',
        question: 'Time of an audit over WebRTC in a real Chromium, against libp2p ping over the same connection.',
        rounds,
        measures: [
          { name: 'libp2p ping, median', value: rounded(middle.ping), unit: 'ms' },
          { name: 'libp2p ping, 95 of 100', value: rounded(slow(times.ping)), unit: 'ms' },
          { name: 'audit of a registered device, median', value: rounded(middle.present), unit: 'ms' },
          { name: 'audit of a registered device, 95 of 100', value: rounded(slow(times.present)), unit: 'ms' },
          { name: 'audit of a made-up ID, median', value: rounded(middle.absent), unit: 'ms' },
          { name: 'audit of a made-up ID, 95 of 100', value: rounded(slow(times.absent)), unit: 'ms' },
        ],
        ratios: [
          { name: 'audit of a registered device / ping', value: rounded(middle.present / middle.ping) },
          { name: 'audit of a made-up ID / ping', value: rounded(middle.absent / middle.ping) },
        ],
        notes: [
          `Chromium ${browser.version} and a relay process on loopback, WebRTC-direct; the relay mines a block a second meanwhile, with 5 % of a core; ${rounds * each} of each, in turns of ${each}, one after another.`,
          "audit: from the page's call to its verdict: worker, bridge, page, a stream for the state proof of the settled header, the relay, the verification, and back. Not counted: drawing it.",
          'ping: /ipfs/ping/1.0.0 of libp2p, 32 bytes there and back on a stream of its own, from the page itself: it crosses no worker.',
        ],
      }
    })
  } finally {
    await browser.close()
    await relay.stop()
    await removeDataDir(relay.dataDir)
  }
}

/** Waits until the relay's own registration is settled. */
async function registered(relay: RelayProcess): Promise<{ deviceId: string; networkId: string }> {
  for (;;) {
    const { stdout } = await lares(relay.dataDir, 'status', '--json')
    const status = JSON.parse(stdout) as { deviceId?: string; networkId: string; settled: { height: number } }
    if (status.deviceId !== undefined && status.settled.height > 2)
      return { deviceId: status.deviceId, networkId: status.networkId }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
