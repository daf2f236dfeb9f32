/** A node without blocks, with full nodes that are answer functions, on a clock that the test drives. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { openChainFile } from '../../../node-relay/light-node/chain-file.ts'
import { LightChain } from '../../../node-relay/light-node/light-chain.ts'
import { createLightView, type LightView } from '../../../node-relay/light-node/light-view.ts'
import type { SignatureVerifier } from '../../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../../shared/errors.ts'
import { EMPTY_RANGE } from '../../../shared/history/mountain-range.ts'
import type { PeerListener } from '../../../shared/protocol/transport.ts'
import { encodeStartPoint } from '../../../shared/sync/start-point.ts'
import type { ChainBuilder } from '../../framework/chain-builder.ts'
import { createHarnessClock, type HarnessClock, settle } from '../../framework/client-harness.ts'
import { type Answer, NotServed } from '../../framework/honest-node.ts'
import { createFakeNetwork } from '../full-node/fake-network.ts'

export interface LightScene {
  readonly clock: HarnessClock
  readonly chain: LightChain
  readonly view: LightView
  readonly verifier: SignatureVerifier
  /** Protocols asked, by peer. */
  readonly asked: { readonly peer: string; readonly protocol: string }[]
  readonly penalties: { readonly peer: string; readonly code: string }[]
  readonly reports: string[]
  connect(peer: string, answer: Answer): Promise<void>
  leave(peer: string): Promise<void>
  /** Lets time pass in steps, until it holds; what the thread pool still verifies comes first. */
  until(holds: () => boolean, maxMs?: number): Promise<void>
}

const verifier = createNodeVerifier()
const folders: string[] = []
const views: LightView[] = []

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lares-light-'))
  folders.push(folder)
  return folder
}

/** For afterEach. */
export function endScenes(): void {
  for (const view of views.splice(0)) view.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export const chainInit = (path: string, onDisk: (error: unknown) => void = () => {}) => ({
  file: openChainFile(path),
  verifier,
  onDisk,
})

/** From genesis. */
export function beginChain(builder: ChainBuilder, path: string): LightChain {
  const { node } = builder.first
  const bytes = encodeStartPoint(node, EMPTY_RANGE)
  return LightChain.begin(chainInit(path), builder.networkId, { genesis: builder.genesis, node, signatures: [], bytes })
}

export function openScene(builder: ChainBuilder): LightScene {
  const chain = beginChain(builder, join(newFolder(), 'chain'))
  let underWay = 0
  const counted = async <Value>(work: Value | Promise<Value>): Promise<Value> => {
    underWay++
    try {
      return await work
    } finally {
      underWay--
    }
  }
  const idle = async () => {
    do await settle()
    while (underWay > 0)
  }
  const counting: SignatureVerifier = {
    verify: (check) => counted(verifier.verify(check)),
    verifyBatch: (checks) => counted(verifier.verifyBatch(checks)),
  }
  const clock = createHarnessClock(builder.tip.block.header.time + 500)
  const servers = new Map<string, Answer>()
  const listeners = new Map<string, PeerListener>()
  const asked: { peer: string; protocol: string }[] = []
  const penalties: { peer: string; code: string }[] = []
  const reports: string[] = []
  const connection = (peerId: string) =>
    ({ peerId, address: `/ip4/10.0.0.1/tcp/1/p2p/${peerId}`, transport: 'tcp', direction: 'outbound' }) as const
  const view = createLightView({
    network: {
      ...createFakeNetwork(),
      peers: () => [...servers.keys()].map((peer) => ({ ...connection(peer), connectedAt: 0, penalty: 0 })),
      on(event, listener) {
        listeners.set(event, listener)
        return () => {}
      },
      async request(peer, spec, bytes) {
        asked.push({ peer, protocol: spec.id })
        const answer = servers.get(peer)
        if (answer === undefined) throw new LaresError('peer-gone', 'gone')
        const answered = await answer(spec.id, bytes).catch((error: unknown) => {
          throw error instanceof NotServed ? new LaresError('unsupported', 'not served') : error
        })
        if (answered === 'reject') throw new LaresError('refused', 'refused')
        return answered
      },
      penalise: (peer, _points, code) => void penalties.push({ peer, code }),
    },
    chain,
    verifier: counting,
    clock,
    onFullNode() {},
    onStatus() {},
    onChange() {},
    report: (code) => void reports.push(code),
    log() {},
  })
  views.push(view)
  return {
    ...{ clock, chain, view, verifier: counting, asked, penalties, reports },
    async connect(peer, answer) {
      servers.set(peer, answer)
      listeners.get('connected')?.(connection(peer))
      await idle()
    },
    async leave(peer) {
      servers.delete(peer)
      listeners.get('disconnected')?.(connection(peer))
      await idle()
    },
    async until(holds, maxMs = 60_000) {
      for (let spent = 0; ; spent += 100) {
        await idle()
        if (holds()) return
        if (spent > maxMs) throw new Error('it never happened')
        await clock.advance(100)
      }
    },
  }
}
