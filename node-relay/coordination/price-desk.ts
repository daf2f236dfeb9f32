import { joinPrice, type Price } from '../../shared/admission/price.ts'

import { type Payment, quoteCodec } from '../../shared/admission/quote.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { ownerAnchor } from '../../shared/identity/anchor.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import { anchorRecordCodec } from '../../shared/identity/record.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { coordinationSetCodec } from '../../shared/ledger/records.ts'
import { anchorKey, COORDINATION_SET_KEY } from '../../shared/ledger/state-keys.ts'
import type { StateReader } from '../../shared/ledger/state-overlay.ts'
import {
  type JoinAskHead,
  joinAskCodec,
  joinAskMessage,
  type Quoted,
  WAY,
} from '../../shared/protocol/join-messages.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import type { JoinCounts } from './join-counts.ts'
import type { Newcomer, PaymentCode, PuzzleDesk } from './puzzle-desk.ts'

/** A base price of 32 bits doubled so often still fits the 48 bits of a quote. */
const MAX_DOUBLINGS = 16

export interface PriceDesk {
  /** Answers an encoded ask. */
  quote(ask: Uint8Array): Promise<Result<Quoted>>
  /** What costs nothing to check of what a newcomer without a voucher has paid. */
  check(payments: readonly Payment[], newcomer: Newcomer): Result<Payment | undefined, PaymentCode>
  readonly settle: PuzzleDesk['settle']
}

export interface PriceDeskInit {
  readonly chain: Pick<FullChain, 'rules' | 'graph'> & { readonly state: StateReader }
  readonly verifier: SignatureVerifier
  readonly joins: JoinCounts
  readonly puzzles: PuzzleDesk
  /** Of this node. */
  deviceId(): Uint8Array
}

/** What a join costs now, by the tip. */
export function createPriceDesk({ chain, verifier, joins, puzzles, deviceId }: PriceDeskInit): PriceDesk {
  const { networkId } = chain.rules

  function anchorOf(anchor: Uint8Array) {
    const bytes = chain.state.get(anchorKey(anchor))
    const record = bytes && anchorRecordCodec.decode(bytes)
    return record?.ok ? record.value : undefined
  }

  function priceOf({ issuer, anchor }: Newcomer, hasValidVoucher: boolean): Price {
    const policy = policyOf(chain.state)
    // Faults are on record by anchor; of an issuer or a voucher's signer, it is that of its own anchor.
    const signer = recordOf(chain.state, issuer)
    const faults = Math.max(
      anchorOf(anchor)?.faults ?? 0,
      signer === undefined ? 0 : (anchorOf(signer.anchor)?.faults ?? 0),
    )
    const maxPriceDoublings = Math.min(policy.maxPriceDoublings, MAX_DOUBLINGS)
    const counts = { groupJoins: joins.of(issuer), faults, hasValidVoucher }
    return joinPrice(counts, { basePrice: policy.basePrice, maxPriceDoublings })
  }

  function isCoordinating(): boolean {
    const bytes = chain.state.get(COORDINATION_SET_KEY)
    const set = bytes && coordinationSetCodec.decode(bytes)
    return set?.ok === true && set.value.members.some((member) => equalBytes(member.deviceId, deviceId()))
  }

  /** Why nobody need solve a puzzle: this newcomer cannot come in so. */
  function refusalOf({ label, way, issuer, anchor, walletKey }: JoinAskHead): Result<true> {
    if (label !== LABEL.lightweight) return reject('label-not-open', 'a device joins as lightweight')
    const known = anchorOf(anchor)
    if (way === WAY.voucher) {
      if (known !== undefined) return reject('voucher-used', 'this voucher has been used')
      const record = recordOf(chain.state, issuer)
      if (record?.status !== STATUS.active) return reject('unknown-issuer', 'who vouches is not an active device')
      return (record.label & (LABEL.full | LABEL.coordination)) === 0
        ? reject('issuer-has-no-right', 'who vouches is neither a full nor a coordination node')
        : accept(true)
    }
    if (way === WAY.approval && !equalBytes(anchor, ownerAnchor(walletKey)))
      return reject('wrong-anchor', 'the anchor is not that of the wallet key')
    if (known?.live === true) return reject('anchor-live', 'this identity has a live ID')
    return way === WAY.approval || policyOf(chain.state).trustRoots.some((root) => equalBytes(root, issuer))
      ? accept(true)
      : reject('untrusted-root', "the owners' policy does not trust the root of this certificate")
  }

  return {
    async quote(bytes) {
      const decoded = joinAskCodec.decode(bytes)
      if (!decoded.ok) return decoded
      const { signature, ...head } = decoded.value
      if (!equalBytes(head.networkId, networkId)) return reject('wrong-network', 'the ask is for another network')
      if (!isCoordinating()) return reject('not-a-coordination-node', 'this node is not in the coordination set yet')
      const possible = refusalOf(head)
      if (!possible.ok) return possible
      const message = joinAskMessage(head)
      if (!(await verifier.verify({ publicKey: head.walletKey, message, signature })))
        return reject('bad-signature', 'the ask is not signed by the wallet key in it')
      // Whether the voucher itself holds is seen when it is handed in.
      const newcomer = head.way === WAY.approval ? { ...head, issuer: deviceId() } : head
      const { iterations, ...derivation } = priceOf(newcomer, head.way === WAY.voucher)
      return accept({
        ...derivation,
        quote: quoteCodec.encode(puzzles.quote(newcomer, iterations)),
        way: head.way,
        nonce: chain.graph.settled.node.hash,
      })
    },
    check: (payments, newcomer) => puzzles.check(payments, newcomer, priceOf(newcomer, false).iterations),
    settle: puzzles.settle,
  }
}
