/** A worker that knows no chain: it sends a sample view and answers a person's calls as the real one would. */

import { CONNECTION, POWER, REACHABILITY } from '../../../shared/admission/hardware.ts'
import { labelOf } from '../../../shared/admission/label-of.ts'
import { profileOf } from '../../../shared/admission/profile.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import type { AppView, PageCall, PageReplies, ViewChanged, WorkerCall, WorkerReplies } from '../../../web/worker/api.ts'
import { type Bridge, type BridgePort, createBridge } from '../../../web/worker/bridge.ts'
import { app, identity, network, SAMPLE_VIEWS, type SampleName, sampleReport } from './sample-views.ts'

const WORDS =
  'harbor velvet coral timber hollow ribbon saddle orbit pencil meadow copper lantern gravel jungle wisdom anchor maple tunnel silver candle bridge forest island puzzle'.split(
    ' ',
  )
const ASKED = [2, 10, 19]

/** A phone on its battery. */
const SAMPLE_PROFILE = profileOf({
  lifetimeSeconds: 3 * 3_600,
  availability: 980,
  computeScore: 150_000,
  storageMiB: 1_500,
  reachability: REACHABILITY.nobody,
  power: POWER.battery,
  connection: CONNECTION.unmetered,
})

const QUESTION = `LARESC1${'Q'.repeat(64)}`
const ANSWER = `LARESA1${'Q'.repeat(272)}`

let view: AppView = SAMPLE_VIEWS.empty

const bridge: Bridge<PageCall, PageReplies, ViewChanged> = createBridge<
  PageCall,
  PageReplies,
  WorkerCall,
  WorkerReplies,
  ViewChanged
>({
  port: globalThis as unknown as BridgePort,
  handlers: {
    // The page names the sample in place of its own origin.
    open({ init }) {
      view = SAMPLE_VIEWS[init.codeOrigin as SampleName] ?? SAMPLE_VIEWS.empty
      return view
    },
    'add-network'({ link }) {
      if (!link.startsWith('lares'))
        return { ok: false, code: 'malformed-link', sentence: 'This is no join link: paste all of it.' }
      show(app(network({ name: 'New network' })))
      return { ok: true, value: { networkId: network().networkId } }
    },
    'select-network': () => ({ ok: true, value: null }),
    'remove-network'({ networkId }) {
      show({ ...view, networks: view.networks.filter((one) => one.networkId !== networkId) })
      return { ok: true, value: null }
    },
    'prepare-join'({ voucher }) {
      if (voucher.includes('expired'))
        return {
          ok: false,
          code: 'voucher-expired',
          sentence: 'This voucher has expired: ask whoever runs the relay for a new one.',
        }
      return { ok: true, value: { words: WORDS, asked: ASKED } }
    },
    'prepare-pairing': () => ({ ok: true, value: { words: WORDS, asked: ASKED } }),
    'confirm-join'({ answers }) {
      if (!answers.every((answer, index) => answer === WORDS[ASKED[index] ?? -1]))
        return { ok: false, code: 'wrong-words', sentence: 'Those are not the words: look at your paper again.' }
      show(app(network({ identity: identity('pending', 4) })))
      return { ok: true, value: null }
    },
    'cancel-join': () => ({ ok: true, value: null }),
    'recover-identity'({ words }) {
      if (words.trim().split(/\s+/).length !== WORDS.length)
        return { ok: false, code: 'bad-words', sentence: 'All of the words are needed: look at your paper again.' }
      show(app(network({ identity: identity('pending', 4) })))
      return { ok: true, value: null }
    },
    'explain-label': () => ({ ok: true, value: labelOf(SAMPLE_PROFILE, DEFAULT_POLICY.label) }),
    audit: ({ text }) => sampleReport(text),
    challenge: () => ({ ok: true, value: { text: QUESTION } }),
    'check-answer': ({ text }) =>
      text === ANSWER
        ? { ok: true, value: sampleReport('genuine') }
        : { ok: false, code: 'wrong-signature', sentence: 'NOT genuine: the answer is signed by another key.' },
    'ask-device': () => ({ ok: true, value: sampleReport('genuine') }),
    'answer-challenge': ({ text }) =>
      text === QUESTION
        ? { ok: true, value: { text: ANSWER } }
        : { ok: false, code: 'malformed-challenge', sentence: 'This is not a question to a device.' },
    'import-directory': () => ({ ok: false, code: 'malformed-directory', sentence: 'This is not a Lares directory.' }),
    'forget-directory': () => ({ ok: true, value: null }),
    'search-directory': () => ({ ok: true, value: { entries: [], found: 0 } }),
    hint: () => null,
    'peer-connected': () => null,
    'peer-disconnected': () => null,
    'peer-round-trip': () => null,
    gossip: () => 'ignore',
    answer: () => null,
  },
})

function show(next: AppView): void {
  view = next
  bridge.emit({ event: 'view', view })
}
