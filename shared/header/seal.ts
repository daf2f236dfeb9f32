import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { TAGS, tagged } from '../hash.ts'

/** What a keeper signs to seal a header: tag, network ID, header hash. */
export function sealMessage(networkId: Uint8Array, headerHash: Uint8Array): Uint8Array {
  return tagged(TAGS.seal, networkId, headerHash)
}

export function sealCheck(
  networkId: Uint8Array,
  headerHash: Uint8Array,
  seal: Uint8Array,
  sealingKey: Uint8Array,
): SignatureCheck {
  return { publicKey: sealingKey, message: sealMessage(networkId, headerHash), signature: seal }
}
