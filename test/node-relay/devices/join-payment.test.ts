/** A board pays each endorser that its relay names: the relay itself, and over libp2p those of other sponsors. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPriceDesk, type PriceDesk } from '../../../node-relay/coordination/price-desk.ts'
import { createPuzzleDesk, type PuzzleDesk } from '../../../node-relay/coordination/puzzle-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { payForJoin } from '../../../node-relay/device-agent/join-payment.ts'
import type { RelayClient } from '../../../node-relay/device-agent/relay-client.ts'
import { collectQuotes } from '../../../node-relay/devices/collect-quotes.ts'
import { quoteCodec } from '../../../shared/admission/quote.ts'
import { reject } from '../../../shared/errors.ts'
import { joinAnswerCodec, WAY } from '../../../shared/protocol/join-messages.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import {
  changeCoordination,
  foundRelay,
  makeVoucher,
  registerByVoucher,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { quickScrypt } from '../../framework/join-prices.ts'
import { createFakeNetwork, type FakeNetwork } from '../full-node/fake-network.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const wallet = namedSigner('board')
const ROOT = new Uint8Array(32).fill(7)
const newcomer = { walletKey: wallet.publicKey, issuer: ROOT, anchor: new Uint8Array(32).fill(8) }
let builder: ChainBuilder
let full: OpenChain
let network: FakeNetwork
let own: Coordinator
let camera: Coordinator

interface Coordinator {
  readonly desk: PriceDesk
  readonly puzzles: PuzzleDesk
}

beforeEach(async () => {
  builder = new ChainBuilder({ trustRoots: [ROOT] })
  const relay = await foundRelay(builder)
  const secret = await makeVoucher(builder, relay, { name: 'camera' })
  const second = await registerByVoucher(builder, secret, { wallet: namedSigner('camera'), endorsers: [relay] })
  await builder.mine()
  await changeCoordination(builder, second.deviceId)
  await builder.mine()
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  network = createFakeNetwork()
  own = coordinator(relay)
  camera = coordinator(second)
})
afterEach(closeAll)

/** Where nine have come in by this root already. */
function coordinator({ deviceId: id }: TestDevice): Coordinator {
  const { chain, clock } = full
  const deviceId = () => id
  const { networkId } = chain.rules
  const puzzles = createPuzzleDesk({ networkId, deviceId, now: () => clock.now, scrypt: quickScrypt })
  const joins = { of: () => 9 }
  return { puzzles, desk: createPriceDesk({ chain, verifier: createNodeVerifier(), deviceId, joins, puzzles }) }
}

function connect(answer: (ask: Uint8Array) => Promise<Uint8Array>): void {
  network.peers = () => [{ peerId: 'camera' } as ReturnType<FakeNetwork['peers']>[number]]
  network.request = async (_peer, _spec, request) => await answer(request)
}
const byCamera = async (ask: Uint8Array) => {
  const quoted = await camera.desk.quote(ask)
  return joinAnswerCodec.encode(quoted.ok ? { TAG: 'quoted', data: quoted.value } : refusal(quoted.code, quoted.detail))
}
const collect = (ask: Uint8Array) =>
  collectQuotes({ read: async (key) => full.chain.state.get(key), network, quote: own.desk.quote }, ask)

async function pay() {
  const said: string[] = []
  const relay: Pick<RelayClient, 'post'> = {
    async post<Answer>(_path: string, ask: Uint8Array) {
      const quotes = await collect(ask)
      if (!quotes.ok) throw new Error(quotes.code)
      const rows = quotes.value.map(({ quote, base, pressure, faults }) => ({
        ...{ base, pressure, faults },
        quote: Buffer.from(quoteCodec.encode(quote)).toString('base64url'),
      }))
      return { quotes: rows } as Answer
    },
  }
  const report = {
    price: ({ iterations, base, pressure, faults }: Record<string, number>) =>
      void said.push(`${iterations} = ${base} × ${pressure} × ${faults}`),
    tried: () => {},
  }
  const asked = { networkId: builder.networkId, way: WAY.certificate, issuer: ROOT, anchor: newcomer.anchor }
  const how = { scrypt: quickScrypt, report, signal: new AbortController().signal }
  return { said, payments: await payForJoin(relay as RelayClient, wallet, asked, how) }
}

it('solves the puzzle of each, and each takes its own', async () => {
  connect(byCamera)
  const { said, payments } = await pay()
  expect(said).toEqual(['2 = 1 × 2 × 1', '2 = 1 × 2 × 1'])
  for (const { puzzles } of [own, camera]) {
    const checked = puzzles.check(payments, newcomer, 2)
    if (!checked.ok || checked.value === undefined) throw new Error('not paid')
    expect(await puzzles.settle(checked.value, newcomer)).toEqual({ ok: true })
  }
})

it('is told why where one of them would refuse, or is not there', async () => {
  await expect(pay()).rejects.toThrow('not-enough-endorsements')
  connect(async () => joinAnswerCodec.encode(refusal('busy', 'later')))
  await expect(pay()).rejects.toThrow('busy')
  connect(async () => Uint8Array.of(9))
  await expect(pay()).rejects.toThrow('not-enough-endorsements')
  // One that speaks for the relay is no second voice.
  connect(async (ask) => {
    const quoted = await own.desk.quote(ask)
    return quoted.ok ? joinAnswerCodec.encode({ TAG: 'quoted', data: quoted.value }) : Uint8Array.of(9)
  })
  await expect(pay()).rejects.toThrow('not-enough-endorsements')
  connect(byCamera)
  expect((await pay()).payments).toHaveLength(2)
  own = { ...own, desk: { ...own.desk, quote: async () => reject('anchor-live', 'this identity has a live ID') } }
  await expect(pay()).rejects.toThrow('anchor-live')
})
