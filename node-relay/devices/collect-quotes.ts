import { quoteCodec } from '../../shared/admission/quote.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { joinAnswerCodec, type Quoted } from '../../shared/protocol/join-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { collectVoices } from './collect-voices.ts'
import type { JoinQuote } from './door.ts'

/** What each of the endorsers that a newcomer needs asks for its join: a puzzle counts with the node that set it alone. */
export async function collectQuotes(
  init: {
    read(key: Uint8Array): Promise<Uint8Array | undefined>
    readonly network: PeerNetwork
    /** undefined: this relay is no coordination node. */
    readonly quote: ((ask: Uint8Array) => Promise<Result<Quoted>>) | undefined
  },
  ask: Uint8Array,
): Promise<Result<JoinQuote[]>> {
  const own = await init.quote?.(ask)
  return await collectVoices<JoinQuote>(init, {
    spec: PROTOCOLS.join,
    request: ask,
    own: own?.ok ? readQuoted(own.value) : own,
    read(answer) {
      const decoded = joinAnswerCodec.decode(answer)
      if (!decoded.ok) return undefined
      const { TAG, data } = decoded.value
      return TAG === 'quoted' ? readQuoted(data) : reject(data.code, data.detail)
    },
    speakerOf: ({ quote }) => quote.endorser,
    // Nobody pays another for it: a quote that its endorser does not know again is refused when it is handed in.
    holds: async () => true,
  })
}

function readQuoted({ quote: bytes, ...derivation }: Quoted): Result<JoinQuote> {
  const quote = quoteCodec.decode(bytes)
  return quote.ok ? accept({ ...derivation, quote: quote.value }) : quote
}
