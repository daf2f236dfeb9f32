import { asciiBytes, equalBytes, toHex, ZERO_HASH } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { ACCEPT, accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import { deviceIdOf, formatDeviceId } from '../../shared/identity/device-id.ts'
import {
  formatPairingCode,
  PAIRING_CODE_LENGTH,
  PAIRING_LETTERS,
  type PairAnswer,
  type PairAsk,
  pairAskCodec,
  pairAskMessage,
  pairClaim,
  readPairingCode,
} from '../../shared/protocol/pair-messages.ts'
import { type Claim, hashClaim } from '../../shared/transaction/register.ts'
import type { PairingDoor } from './pairing-door.ts'
import type { PriceDesk } from './price-desk.ts'

/** How long a newcomer's code stands, and then what the operator said of it. ms */
export const PAIRING_MS = 10 * 60_000
/** Newcomers that wait for the operator, or were just answered; each has paid for it. */
export const MAX_PAIRINGS = 64

export interface PairingDesk extends PairingDoor {
  /** Answers an encoded ask. */
  ask(bytes: Uint8Array): Promise<Result<PairAnswer>>
}

type ApprovalEvidence = Extract<PairAnswer, { TAG: 'approved' }>['data']

export interface PairingDeskInit {
  readonly networkId: Uint8Array
  readonly verifier: SignatureVerifier
  readonly prices: Pick<PriceDesk, 'check' | 'settle'>
  /** Of this relay. */
  deviceId(): Uint8Array
  /** Signs for a claim, where this relay is in the ledger itself. */
  approve(claim: Claim): Promise<Result<ApprovalEvidence>>
  readonly random: (length: number) => Uint8Array
  readonly now: () => number
}

interface Pairing {
  readonly code: string
  readonly claim: Claim
  readonly askedAt: number
  until: number
  said: ApprovalEvidence | 'refused' | undefined
}

/**
 * Newcomers without voucher and certificate, for the operator to approve (DESIGN 4, A1). As in the device grant of RFC 8628,
 * the relay draws the code, so nobody can make a claim that fits the code of another; the operator reads it off the newcomer.
 * Kept in memory only: who asked before a restart asks again.
 */
export function createPairingDesk(init: PairingDeskInit): PairingDesk {
  const { networkId, verifier, prices, now } = init
  /** By hash of the claim; the oldest first. */
  const pairings = new Map<string, Pairing>()
  /** Claims whose payment is being checked: as many as puzzles wait to be. */
  const underWay = new Map<string, Promise<Verdict>>()

  function prune(): void {
    for (const [key, { until }] of pairings) if (now() >= until) pairings.delete(key)
  }

  function drawCode(): string {
    for (;;) {
      let code = ''
      // 240 is the greatest multiple of 20 in a byte: no letter is likelier than another.
      while (code.length < PAIRING_CODE_LENGTH)
        for (const byte of init.random(PAIRING_CODE_LENGTH))
          if (byte < 240 && code.length < PAIRING_CODE_LENGTH) code += PAIRING_LETTERS[byte % 20]
      if (find(code) === undefined) return code
    }
  }

  function find(code: string | undefined): Pairing | undefined {
    for (const pairing of pairings.values()) if (pairing.code === code) return pairing
    return undefined
  }

  async function open(ask: PairAsk, claim: Claim, key: string): Promise<Verdict> {
    const newcomer = { walletKey: ask.walletKey, issuer: init.deviceId(), anchor: claim.anchor }
    // A quote is never all zero: it has a MAC.
    const payments = equalBytes(ask.payment.quote.mac, ZERO_HASH) ? [] : [ask.payment]
    const checked = prices.check(payments, newcomer)
    if (!checked.ok) return checked
    if (pairings.size >= MAX_PAIRINGS)
      return reject('too-many-waiting', 'many wait for the operator already; try again later')
    if (checked.value !== undefined) {
      const settled = await prices.settle(checked.value, newcomer)
      if (!settled.ok) return settled
      // Others have come while the puzzle was checked.
      if (pairings.size >= MAX_PAIRINGS)
        return reject('too-many-waiting', 'many wait for the operator already; try again later')
    }
    pairings.set(key, { code: drawCode(), claim, askedAt: now(), until: now() + PAIRING_MS, said: undefined })
    return ACCEPT
  }

  function answerOf({ said, code, until }: Pairing): Result<PairAnswer> {
    if (said === undefined) return accept({ TAG: 'waiting', data: { code: asciiBytes(code), lasts: until - now() } })
    return said === 'refused'
      ? reject('not-approved', 'the operator of the relay has refused it')
      : accept({ TAG: 'approved', data: said })
  }

  const idOf = ({ walletKey, anchor }: Claim) => formatDeviceId(networkId, deviceIdOf(networkId, walletKey, anchor))

  function waitingFor(text: string): Result<Pairing> {
    prune()
    const code = readPairingCode(text)
    if (code === undefined)
      return reject(
        'malformed-code',
        `A pairing code has ${PAIRING_CODE_LENGTH} letters, as BCDF-GHJK; vowels and digits are not among them.`,
      )
    const pairing = find(code)
    if (pairing === undefined)
      return reject(
        'no-such-code',
        'No newcomer with this code waits at this relay. It counts for ten minutes, and only at the relay that was asked.',
      )
    return pairing.said === undefined
      ? accept(pairing)
      : reject('already-answered', 'This newcomer was answered already.')
  }

  return {
    async ask(bytes) {
      const decoded = pairAskCodec.decode(bytes)
      if (!decoded.ok) return decoded
      const { signature, ...head } = decoded.value
      if (!equalBytes(head.networkId, networkId)) return reject('wrong-network', 'the ask is for another network')
      const message = pairAskMessage(head)
      if (!(await verifier.verify({ publicKey: head.walletKey, message, signature })))
        return reject('bad-signature', 'the ask is not signed by the wallet key in it')
      prune()
      const claim = pairClaim(head)
      const key = toHex(hashClaim(claim))
      if (!pairings.has(key)) {
        const opening = underWay.get(key) ?? open(decoded.value, claim, key).finally(() => underWay.delete(key))
        underWay.set(key, opening)
        const opened = await opening
        if (!opened.ok) return opened
      }
      const pairing = pairings.get(key)
      return pairing === undefined ? reject('busy', 'ask again') : answerOf(pairing)
    },
    waiting() {
      prune()
      return [...pairings.values()].map(({ code, claim, askedAt, until, said }) => ({
        ...{ code: formatPairingCode(code), deviceId: idOf(claim), askedAt, until },
        state: said === undefined ? 'waiting' : said === 'refused' ? 'refused' : 'approved',
      }))
    },
    async approve(text) {
      const waiting = waitingFor(text)
      if (!waiting.ok) return waiting
      const pairing = waiting.value
      const approval = await init.approve(pairing.claim)
      if (!approval.ok) return approval
      pairing.said = approval.value
      // It has as long to come for it as the approval counts.
      pairing.until = Math.max(pairing.until, approval.value.notAfter)
      return accept({ deviceId: idOf(pairing.claim) })
    },
    refuse(text) {
      const waiting = waitingFor(text)
      if (!waiting.ok) return waiting
      waiting.value.said = 'refused'
      return accept({ deviceId: idOf(waiting.value.claim) })
    },
  }
}
