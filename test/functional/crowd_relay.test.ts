/**
 * Shows that thirty browser-like peers behind one address each hear, by gossip, of every header that a real relay mines.
 * How: a relay process at the test preset and thirty hosts in two more, on loopback; the relay's own list of blocks says
 * what there was to hear. The two-minute run is `npm run soak -- peers`.
 */
import { expect, it } from 'vitest'
import { runHeaderCrowd } from '../framework/header-crowd.ts'

it('thirty peers from one address hear of every header in twenty seconds', { timeout: 120_000 }, async () => {
  const result = await runHeaderCrowd({ peers: 30, processes: 2, transport: 'webrtc-direct', seconds: 20 })
  console.log(JSON.stringify(result))
  expect(result.headers).toBeGreaterThan(5)
  expect(result.missing).toEqual([])
  expect(result.lost).toBe(0)
})
