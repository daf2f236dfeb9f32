/** Loaded when a person wants more than a record: to ask a device itself, or to answer for this one. */
import { equalBytes, toHex } from '../../shared/bytes.ts'
import {
  type ChallengeAnswer,
  challengeAnswerMessage,
  formatChallengeAnswer,
  parseChallenge,
} from '../../shared/device-profile/challenge.ts'
import { networkTagOf, parseDeviceId } from '../../shared/identity/device-id.ts'
import { challengeOutcomeCodec, challengeRequestCodec } from '../../shared/protocol/challenge-messages.ts'
import type { AuditReport, Failure, Outcome } from '../worker/api.ts'
import { type AuditedChain, auditDevice } from './audit.ts'
import { type AnswerCode, isSignedBy, type OpenChallenge, openChallenge, readAnswer } from './challenge.ts'
import type { NetworkClient } from './network-client.ts'
import type { ClientPorts } from './ports.ts'
import { failure } from './sentences.ts'

/** A device that fetches its questions each minute is met within this, ms. */
export const DEVICE_PATIENCE_MS = 75_000
/** Servers that one question is put to; each passes it on to others. */
const ASKED_SERVERS = 2
/** Between two rounds where no server waits for the device by itself, ms. */
const ROUND_MS = 2_000

type FailureCode =
  | AnswerCode
  | 'wrong-signature'
  | 'device-silent'
  | 'key-copied'
  | 'cannot-ask'
  | 'malformed-id'
  | 'other-network'
  | 'no-identity'
  | 'in-use-elsewhere'
  | 'malformed-challenge'
  | 'wrong-network'

const SENTENCES: Readonly<Record<FailureCode, string>> = {
  'malformed-answer': "This is not a device's answer: it starts with LARESA1. Copy all of it, or scan its code again.",
  'no-challenge': 'No device was asked: show it a new question first.',
  'challenge-expired': 'This answer came too late to say anything: show the device a new question.',
  'answer-of-other-network': 'This is an answer from another network, so it proves nothing here.',
  'answer-of-other-device': 'Another device has answered, not the one whose label this is.',
  'answer-to-other-challenge':
    'This answers another question, perhaps an older one: show the device the question above.',
  'wrong-signature': 'NOT genuine: the answer is not signed by the key that the ledger has for this ID.',
  'key-copied':
    'The key of this ID has answered, but a copy of that key was used elsewhere: nobody can tell the device from the copy until it was verified anew.',
  'device-silent':
    'The device has not answered over the network. Its record stands, but this may be a copied label: ask it by its camera, or come again when it is on.',
  'cannot-ask': 'No server could put the question to the device: ask it by its camera, or try again in a minute.',
  'malformed-id': 'This is not a Lares device ID.',
  'other-network': 'This ID belongs to another network: open that one first.',
  'no-identity': 'This browser has no ID with its key in this network, so it has nothing to prove.',
  'in-use-elsewhere': 'This device is in use elsewhere, so this browser proves nothing in its name: ask the other one.',
  'malformed-challenge':
    'This is not a question to a device: it starts with LARESC1. Copy all of it, or scan its code again.',
  'wrong-network': 'This question is for a device of another network.',
}

const refused = (code: FailureCode): Failure => failure(code, SENTENCES[code])

/** Questions to devices, one at a time, and answers for this one. */
export class Genuine {
  readonly #ports: ClientPorts
  #open: OpenChallenge | undefined

  constructor(ports: ClientPorts) {
    this.#ports = ports
  }

  /** A new question takes the place of the one before. */
  challenge(chain: AuditedChain, text: string): Outcome<{ text: string }> {
    const id = parseDeviceId(text)
    if (!id.ok) return refused('malformed-id')
    const { deviceId, networkTag } = id.value
    if (!equalBytes(networkTag, networkTagOf(chain.networkId))) return refused('other-network')
    this.#open = openChallenge(chain.networkId, deviceId, this.#ports.random, this.#ports.clock.now())
    return { ok: true, value: { text: this.#open.text } }
  }

  /**
   * The record is proven anew: what counts is the key that the settled ledger has now. An answer that holds is good once.
   */
  async checkAnswer(chain: AuditedChain, text: string): Promise<Outcome<AuditReport>> {
    const { clock, verifier } = this.#ports
    const open = this.#open
    const answer = readAnswer(open, text, clock.now())
    if (!answer.ok) return refused(answer.code)
    let isSigned = false
    const report = await auditDevice(chain, answer.value.deviceId, clock, async (record) => {
      isSigned = await isSignedBy(record, answer.value, verifier)
      return isSigned
    })
    if (report.verdict === 'registered') return refused(isSigned ? 'key-copied' : 'wrong-signature')
    if (report.verdict === 'genuine' && this.#open === open) this.#open = undefined
    return { ok: true, value: report }
  }

  /**
   * Puts the open question to the device by way of the network. A server that brings an answer which does not hold has
   * brought nothing: the device is not blamed for what is said in its name.
   */
  async askDevice(chain: AuditedChain): Promise<Outcome<AuditReport>> {
    const { clock } = this.#ports
    const open = this.#open
    if (open === undefined) return refused('no-challenge')
    const { networkId, deviceId, nonce } = open
    const request = challengeRequestCodec.encode({ networkId, deviceId, nonce, isPassedOn: false })
    let isPut = false
    for (const end = clock.now() + DEVICE_PATIENCE_MS; clock.now() < end && this.#open === open; ) {
      const began = clock.now()
      for (const peer of chain.servers.inOrder().slice(0, ASKED_SERVERS)) {
        const said = await chain.servers.ask(peer, 'challenge', request)
        const outcome = said.ok ? challengeOutcomeCodec.decode(said.value) : said
        if (!outcome.ok || outcome.value.TAG === 'refused') continue
        isPut = true
        if (outcome.value.TAG === 'waiting') continue
        const report = await this.checkAnswer(chain, formatChallengeAnswer(outcome.value.data.answer))
        if (report.ok || report.code === 'key-copied') return report
      }
      const left = began + ROUND_MS - clock.now()
      if (left > 0) await new Promise<void>((resolve) => void clock.after(left, resolve))
    }
    return refused(isPut ? 'device-silent' : 'cannot-ask')
  }

  /** This device signs the nonce of whoever asks, among words of its own, so that nothing else can be signed this way. */
  async answer(chain: NetworkClient, text: string): Promise<Outcome<{ text: string }>> {
    const nonce = parseChallenge(text, chain.networkId)
    if (!nonce.ok) return refused(nonce.code)
    const answer = await this.#sign(chain, nonce.value)
    return answer.ok ? { ok: true, value: { text: formatChallengeAnswer(answer.value) } } : answer
  }

  /** The same for a question that a server brings. @param bytes encoded request */
  async answerQuestion(chain: NetworkClient, bytes: Uint8Array): Promise<Outcome<Uint8Array>> {
    const asked = challengeRequestCodec.decode(bytes)
    if (!asked.ok || !equalBytes(asked.value.networkId, chain.networkId)) return refused('wrong-network')
    const { deviceId } = chain.identity
    if (deviceId === undefined || !equalBytes(asked.value.deviceId, deviceId)) return refused('no-identity')
    const answer = await this.#sign(chain, asked.value.nonce)
    if (!answer.ok) return answer
    return { ok: true, value: challengeOutcomeCodec.encode({ TAG: 'answered', data: { answer: answer.value } }) }
  }

  async #sign(chain: NetworkClient, nonce: Uint8Array): Promise<Outcome<ChallengeAnswer>> {
    const { networkId, identity } = chain
    if (chain.presence?.state === 'in-use') return refused('in-use-elsewhere')
    const { store, openWallet, clock } = this.#ports
    const { deviceId } = identity
    const keys = identity.isLost ? undefined : await store.readWallet(toHex(networkId)).catch(() => undefined)
    const wallet = keys && (await openWallet(keys))
    if (deviceId === undefined || wallet?.ok !== true) return refused('no-identity')
    const content = { networkId, deviceId, nonce, time: clock.now() }
    const signature = await wallet.value.sign(challengeAnswerMessage(content))
    return { ok: true, value: { ...content, signature } }
  }
}
