import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { passesRules } from '../../shared/crypto/ed25519-rules.ts'
import { engineFollowsRules } from '../../shared/crypto/engine-probe.ts'
import { KeyCache } from '../../shared/crypto/key-cache.ts'
import { createNobleVerifier } from '../../shared/crypto/noble-verifier.ts'
import type {
  SignatureCheck,
  SignatureVerifier,
  SyncSignatureVerifier,
} from '../../shared/crypto/signature-verifier.ts'

/** Public keys kept as KeyObjects, about 1 kB each. */
export const NODE_KEY_LIMIT = 4096
/** Verifications handed to libuv's thread pool at once: the database waits in the same pool. */
export const NODE_BATCH_SIZE = 64

export interface NodeVerifier extends SignatureVerifier, SyncSignatureVerifier {
  /** `noble` when this build of OpenSSL judges the probe signatures otherwise than the protocol. */
  readonly engine: 'node' | 'noble'
  verify(check: SignatureCheck): boolean
}

function importKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(publicKey), format: 'raw-public', asymmetricKeyType: 'ed25519' })
}

/**
 * Verifies with node:crypto; batches run on the thread pool. An engine that throws has given no verdict: then the
 * point arithmetic decides, so that a failing engine cannot make this node alone refuse a block.
 */
export function createNodeVerifier(): NodeVerifier {
  const keys = new KeyCache<KeyObject>(NODE_KEY_LIMIT)
  const noble = createNobleVerifier()

  function keyOf(check: SignatureCheck): KeyObject {
    return keys.getOrCreate(check.publicKey, () => importKey(check.publicKey))
  }

  function ask(check: SignatureCheck): boolean {
    return verify(null, check.message, keyOf(check), check.signature)
  }

  function verifySync(check: SignatureCheck): boolean {
    if (!passesRules(check)) return false
    try {
      return ask(check)
    } catch {
      return noble.verifySync(check)
    }
  }

  function verifyOnPool(check: SignatureCheck): boolean | Promise<boolean> {
    if (!passesRules(check)) return false
    return new Promise((resolve) => {
      try {
        verify(null, check.message, keyOf(check), check.signature, (error, good) => {
          resolve(error === null ? good : noble.verifySync(check))
        })
      } catch {
        resolve(noble.verifySync(check))
      }
    })
  }

  if (!engineFollowsRules(ask)) return { ...noble, verify: noble.verifySync, engine: 'noble' }
  return {
    engine: 'node',
    verifySync,
    verify: verifySync,
    async verifyBatch(checks) {
      const verdicts: boolean[] = []
      for (let start = 0; start < checks.length; start += NODE_BATCH_SIZE) {
        const chunk = checks.slice(start, start + NODE_BATCH_SIZE)
        verdicts.push(...(await Promise.all(chunk.map(verifyOnPool))))
      }
      return verdicts
    },
  }
}
