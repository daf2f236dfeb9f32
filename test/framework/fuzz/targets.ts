/** All that is fuzzed, opened and closed together. */
import { certificateTargets } from './certificate-targets.ts'
import { codecTargets } from './codec-targets.ts'
import { buildCorpus } from './corpus.ts'
import { fileTargets } from './file-targets.ts'
import { clientTargets, relayTargets } from './handler-targets.ts'
import { httpTargets } from './http-targets.ts'
import { readerTargets } from './reader-targets.ts'
import { openRelayDoor } from './relay-door.ts'
import type { FuzzTarget } from './run.ts'

/** Of all inputs; by how long one takes, so that each part of the code gets its time. */
const SHARES = { codecs: 0.7, readers: 0.2, relay: 0.06, browser: 0.01, http: 0.025, files: 0.005 } as const

export interface AllTargets {
  readonly targets: readonly FuzzTarget[]
  /** Errors that the relay has logged meanwhile. */
  errors(): readonly string[]
  close(): Promise<void>
}

export async function openAllTargets(): Promise<AllTargets> {
  const corpus = await buildCorpus()
  const relay = await relayTargets(corpus)
  const browser = await clientTargets(corpus)
  const door = await openRelayDoor()
  const files = await fileTargets(door, corpus)
  const codecs = await codecTargets(corpus)
  const certificates = await certificateTargets()
  return {
    targets: [
      ...weighted(codecs as FuzzTarget[], SHARES.codecs),
      ...weighted([...readerTargets(corpus), ...certificates], SHARES.readers),
      ...weighted(relay.targets, SHARES.relay),
      ...weighted(browser.targets, SHARES.browser),
      ...weighted(httpTargets(door, corpus), SHARES.http),
      ...weighted(files.targets, SHARES.files),
    ],
    errors: door.errors,
    async close() {
      files.close()
      await door.close()
      await browser.close()
      await relay.close()
    },
  }
}

/** Shares of the parts of one group, brought to the group's own. */
function weighted(targets: readonly FuzzTarget[], share: number): FuzzTarget[] {
  const sum = targets.reduce((total, target) => total + target.share, 0)
  return targets.map((target) => ({ ...target, share: (target.share / sum) * share }))
}
