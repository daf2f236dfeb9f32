import { compareBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { endorsementAnswerCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { Register } from '../../shared/transaction/register.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import { collectVoices } from './collect-voices.ts'

type Endorsement = Register['endorsements'][number]

/**
 * The endorsements of a newcomer, sorted by device ID.
 *
 * @param message what they sign
 */
export async function collectEndorsements(
  init: {
    /** The value under a key of the state; undefined: there is none. */
    read(key: Uint8Array): Promise<Uint8Array | undefined>
    readonly network: PeerNetwork
    readonly verifier: SignatureVerifier
    /** undefined: this node does not endorse. */
    readonly endorse: EndorsingDoor | undefined
  },
  protocol: keyof EndorsingDoor,
  application: Uint8Array,
  message: Uint8Array,
): Promise<Result<Endorsement[]>> {
  const voices = await collectVoices<Endorsement>(init, {
    spec: PROTOCOLS[protocol],
    request: application,
    own: await init.endorse?.[protocol](application),
    read(answer) {
      const decoded = endorsementAnswerCodec.decode(answer)
      if (!decoded.ok) return undefined
      const { TAG, data } = decoded.value
      return TAG === 'endorsed' ? accept(data) : reject(data.code, data.detail)
    },
    speakerOf: ({ deviceId }) => deviceId,
    holds: async ({ signature }, { walletKey: publicKey }) => init.verifier.verify({ publicKey, message, signature }),
  })
  return voices.ok ? accept(voices.value.sort((a, b) => compareBytes(a.deviceId, b.deviceId))) : voices
}
