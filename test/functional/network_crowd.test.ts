/**
 * Shows that many browser-like peers behind one address each receive every gossip message of their relay: gossipsub's
 * defaults would silence them (IP-colocation penalty) or leave most to lazy gossip (mesh of a dozen).
 * How: a relay process and thirty hosts in two more, on loopback; a message each second from the
 * relay, or from one host through it; every host reports all it got.
 * The two-minute run is `npm run soak -- peers`.
 */
import { describe, expect, it } from 'vitest'
import { runCrowd } from '../framework/network.ts'

describe('a crowd from one address', () => {
  it.each([
    ['webrtc-direct', 'relay', 15],
    ['websocket', 'peer', 5],
  ] as const)(
    'misses nothing over %s from a %s in %i seconds',
    { timeout: 90_000 },
    async (transport, speaker, seconds) => {
      const result = await runCrowd({ peers: 30, processes: 2, transport, speaker, seconds })
      console.log(transport, JSON.stringify(result))
      expect(result.sent).toBe(seconds)
      expect(result.missing).toEqual([])
      expect(result.duplicates).toBe(0)
      expect(result.lost).toBe(0)
    },
  )
})
