import { type Scrypt, solvePuzzle } from '../../shared/admission/puzzle.ts'
import { type Payment, quoteCodec } from '../../shared/admission/quote.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { type JoinAskHead, joinAskCodec, joinAskMessage } from '../../shared/protocol/join-messages.ts'
import { boardProfile } from './registration.ts'
import type { RelayClient } from './relay-client.ts'

/** As the relay answers, `POST /api/v1/join/ask`. */
interface QuoteRow {
  readonly quote: string
  readonly base: number
  readonly pressure: number
  readonly faults: number
}

/** Says to a person how the paying goes on. */
export interface PaymentReport {
  /** One price, before its first try. */
  price(row: Pick<QuoteRow, 'base' | 'pressure' | 'faults'> & { readonly iterations: number }): void
  /** After a try that was none. */
  tried(tries: number, iterations: number): void
}

/** Asks what the join costs and solves the puzzle of each endorser. */
export async function payForJoin(
  relay: RelayClient,
  wallet: Signer,
  newcomer: Pick<JoinAskHead, 'networkId' | 'way' | 'issuer' | 'anchor'>,
  { scrypt, report, signal }: { readonly scrypt: Scrypt; readonly report: PaymentReport; readonly signal: AbortSignal },
): Promise<Payment[]> {
  const head = { ...newcomer, walletKey: wallet.publicKey, label: LABEL.lightweight, profile: boardProfile() }
  const ask = joinAskCodec.encode({ ...head, signature: await wallet.sign(joinAskMessage(head)) })
  const { quotes } = await relay.post<{ quotes: readonly QuoteRow[] }>('/api/v1/join/ask', ask)
  const payments: Payment[] = []
  for (const { quote: text, ...row } of quotes) {
    const bytes = Uint8Array.from(Buffer.from(text, 'base64url'))
    const quote = quoteCodec.decode(bytes)
    if (!quote.ok) throw new LaresError('not-a-relay', 'What the relay calls a price is none; check --relay.')
    const { iterations } = quote.value
    if (iterations === 0) continue
    report.price({ ...row, iterations })
    const subject = { networkId: newcomer.networkId, walletKey: wallet.publicKey, quote: bytes }
    const onTry = (tries: number) => report.tried(tries, iterations)
    payments.push({ quote: quote.value, counter: await solvePuzzle(subject, iterations, scrypt, { onTry, signal }) })
  }
  return payments
}
