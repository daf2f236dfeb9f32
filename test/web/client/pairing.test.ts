/** Asking to be let in: the puzzle, the code, the operator's word, and each way it can end. */
import { describe, expect, it } from 'vitest'
import { isSolution, tryPuzzle } from '../../../shared/admission/puzzle.ts'
import { quoteCodec } from '../../../shared/admission/quote.ts'
import { asciiBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { joinAnswerCodec, joinAskCodec, WAY } from '../../../shared/protocol/join-messages.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import { type PairAsk, pairAnswerCodec, pairAskCodec, pairClaim } from '../../../shared/protocol/pair-messages.ts'
import { approvalMessage } from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode, NotServed } from '../../framework/honest-node.ts'
import { quickScrypt } from '../../framework/join-prices.ts'

const CODE = 'BCDFGHJK'
const ITERATIONS = 8

/** A relay whose operator is the test. */
class AskedRelay {
  readonly asked: PairAsk[] = []
  iterations = ITERATIONS
  most = 4096
  said: 'waiting' | 'approved' | 'not-approved' | 'puzzle-used' = 'waiting'
  signer: Signer
  issuer: Uint8Array
  isAway = false
  readonly #chain: ChainBuilder
  readonly #honest: Answer

  constructor(chain: ChainBuilder, relay: TestDevice, honest: Answer) {
    this.#chain = chain
    this.#honest = honest
    this.signer = relay.wallet
    this.issuer = relay.deviceId
  }

  readonly answer: Answer = async (protocol, request) => {
    if (protocol === PROTOCOLS.join.id) return this.#quote(request)
    if (protocol !== PROTOCOLS.pair.id) return this.#honest(protocol, request)
    if (this.isAway) throw new NotServed()
    const ask = pairAskCodec.decode(request)
    return ask.ok ? pairAnswerCodec.encode(await this.#pair(ask.value)) : 'reject'
  }

  #quote(request: Uint8Array): Uint8Array | 'reject' {
    const ask = joinAskCodec.decode(request)
    if (!ask.ok || ask.value.way !== WAY.approval) return 'reject'
    const quote = { endorser: this.issuer, expires: 1, iterations: this.iterations, salt: new Uint8Array(16) }
    const derivation = { base: 1, pressure: 2, faults: 4, most: this.most, isWaived: false }
    return joinAnswerCodec.encode({
      TAG: 'quoted',
      data: {
        ...{ ...derivation, way: WAY.approval, nonce: ZERO_HASH },
        quote: quoteCodec.encode({ ...quote, mac: new Uint8Array(32).fill(1) }),
      },
    })
  }

  async #pair(ask: PairAsk): Promise<Parameters<typeof pairAnswerCodec.encode>[0]> {
    const { quote, counter } = ask.payment
    if (quote.mac[0] === 0 && this.iterations > 0) return refusal('price-not-paid', 'ask for it')
    this.asked.push(ask)
    const { networkId } = this.#chain
    const subject = { networkId, walletKey: ask.walletKey, quote: quoteCodec.encode(quote) }
    if (this.iterations > 0) expect(isSolution(await tryPuzzle(subject, counter, quickScrypt), ITERATIONS)).toBe(true)
    if (this.said === 'waiting') return { TAG: 'waiting', data: { code: asciiBytes(CODE), lasts: 60_000 } }
    if (this.said !== 'approved') return refusal(this.said, 'no')
    const approval = { evidence: ZERO_HASH, notAfter: this.#chain.tip.block.header.time + 900_000 }
    const signature = await this.signer.sign(approvalMessage(networkId, pairClaim(ask), approval))
    return { TAG: 'approved', data: { ...approval, issuer: this.issuer, signature } }
  }
}

async function scene() {
  const chain = new ChainBuilder()
  const device = await foundRelay(chain)
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  const relay = new AskedRelay(
    chain,
    device,
    createHonestNode({ chain, coordinator: device, now: () => harness.clock.now() }),
  )
  await harness.open()
  await harness.connect('A', relay.answer)
  return { chain, device, harness, relay }
}

/** Words are shown and asked back, as with a voucher; then the relay is asked. */
async function askToBeLetIn(harness: ClientHarness): Promise<void> {
  const prepared = await harness.finish({ call: 'prepare-pairing' })
  if (!prepared.ok) throw new Error(prepared.sentence)
  const { words, asked } = prepared.value
  const answers = asked.map((position) => words[position] as string)
  expect(await harness.finish({ call: 'confirm-join', answers })).toEqual({ ok: true, value: null })
}

const pairing = (harness: ClientHarness) => harness.app.view().pairing
/** Polls are 2 s apart. */
async function until(harness: ClientHarness, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !holds(); i++) {
    await harness.idle()
    await harness.clock.advance(1_000)
  }
  expect(holds()).toBe(true)
}
const hasCode = (harness: ClientHarness) => () => pairing(harness)?.code !== undefined
const failed = (harness: ClientHarness) => () => pairing(harness)?.failure !== undefined

describe('asking to be let in', () => {
  it('pays, shows the code, and comes in once the operator has typed it', async () => {
    const { chain, harness, relay } = await scene()
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    expect(pairing(harness)).toMatchObject({
      ...{ step: 'approval', code: 'BCDF-GHJK', failure: undefined },
      price: { base: 1, pressure: 2, faults: 4, iterations: ITERATIONS },
    })
    expect(harness.network.identity.state).toBe('none')
    relay.said = 'approved'
    await until(harness, () => harness.network.identity.state === 'joining')
    await until(harness, () => pairing(harness) === undefined)
    expect(harness.network.identity.steps.map(({ name }) => name)).toEqual([
      ...['approval', 'endorsement', 'submitted', 'in-block', 'settled'],
    ])
    const { block } = await chain.mine()
    const register = transactionCodec.decode(block.transactions[0] as Uint8Array)
    expect(register).toMatchObject({ value: { TAG: 'register', data: { evidence: { TAG: 'approval' } } } })
    await harness.gossip('A', chain.tip)
    for (let i = 0; i < 2; i++) await harness.gossip('A', await chain.mine())
    expect(harness.network.identity).toMatchObject({ state: 'settled' })
    // Always the same ask, so it was paid for once.
    expect(new Set(relay.asked.map((ask) => ask.payment.counter)).size).toBe(1)
  })

  it('solves nothing where nothing is asked for', async () => {
    const { harness, relay } = await scene()
    relay.iterations = 0
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    expect(pairing(harness)).toMatchObject({ step: 'approval', price: undefined, tries: 0 })
  })

  it('is told that the operator has refused', async () => {
    const { harness, relay } = await scene()
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    relay.said = 'not-approved'
    await until(harness, failed(harness))
    expect(pairing(harness)?.failure).toMatchObject({ code: 'not-approved' })
    expect(harness.network.identity.state).toBe('none')
    await harness.call({ call: 'cancel-join' })
    expect(pairing(harness)).toBeUndefined()
  })

  it('a code that nobody has typed in time is told as such, whether the relay says so or is silent', async () => {
    for (const isAway of [true, false]) {
      const { harness, relay } = await scene()
      await askToBeLetIn(harness)
      await until(harness, hasCode(harness))
      relay.isAway = isAway
      relay.said = 'puzzle-used'
      await until(harness, failed(harness))
      expect(pairing(harness)?.failure).toMatchObject({ code: 'code-expired' })
    }
  })

  it('goes on when the relay was away for a while', async () => {
    const { harness, relay } = await scene()
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    relay.isAway = true
    await harness.clock.advance(30_000)
    expect(pairing(harness)?.failure).toBeUndefined()
    relay.isAway = false
    relay.said = 'approved'
    await until(harness, () => harness.network.identity.state === 'joining')
  })

  it('finds no relay that offers it', async () => {
    const { harness, relay } = await scene()
    relay.isAway = true
    await askToBeLetIn(harness)
    await until(harness, failed(harness))
    expect(pairing(harness)?.failure).toMatchObject({ code: 'no-server' })
  })

  it('does not work for a price beyond what the relay itself says is the most', async () => {
    const { harness, relay } = await scene()
    relay.most = ITERATIONS - 1
    await askToBeLetIn(harness)
    await until(harness, failed(harness))
    expect(pairing(harness)).toMatchObject({ step: 'price', tries: 0, failure: { code: 'wrong-price' } })
  })

  it.each([
    ['signed by somebody else', (relay: AskedRelay) => Object.assign(relay, { signer: namedSigner('somebody') })],
    [
      'of a device that is not there',
      (relay: AskedRelay) => Object.assign(relay, { issuer: new Uint8Array(32).fill(9) }),
    ],
  ])('takes no approval that is %s', async (_, change) => {
    const { harness, relay } = await scene()
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    change(relay)
    relay.said = 'approved'
    await until(harness, failed(harness))
    expect(pairing(harness)?.failure).toMatchObject({ code: 'approval-altered' })
    expect(harness.network.identity.state).toBe('none')
    expect(harness.penalties.map(({ peerId }) => peerId)).toContain('A')
  })

  it('asks no more once it is cancelled, and can ask again', async () => {
    const { harness, relay } = await scene()
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
    await harness.call({ call: 'cancel-join' })
    const { length } = relay.asked
    await harness.clock.advance(20_000)
    expect(relay.asked.length).toBe(length)
    await askToBeLetIn(harness)
    await until(harness, hasCode(harness))
  })
})
