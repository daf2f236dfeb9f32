import { passesRules } from '../../shared/crypto/ed25519-rules.ts'
import { engineFollowsRulesAsync } from '../../shared/crypto/engine-probe.ts'
import { KeyCache } from '../../shared/crypto/key-cache.ts'
import type {
  SignatureCheck,
  SignatureVerifier,
  SyncSignatureVerifier,
} from '../../shared/crypto/signature-verifier.ts'
import { toPlainBuffer } from './plain-buffer.ts'

/** Public keys kept imported. */
export const WEB_KEY_LIMIT = 1024
/** Verifications in flight at once; more only fills the browser's task queue. */
export const WEB_BATCH_SIZE = 256

export interface WebVerifier extends SignatureVerifier {
  /** `noble` where WebCrypto is missing, has no Ed25519, or judges the probe signatures otherwise than the protocol. */
  readonly engine: 'webcrypto' | 'noble'
}

export interface WebVerifierInit {
  /** Default: this page's or worker's own; absent on an insecure origin. */
  readonly subtle?: SubtleCrypto | undefined
}

/**
 * Verifies with WebCrypto's Ed25519, in a page or a worker. The engine is probed once: browsers are not bound to
 * one reading of RFC 8032, and one that reads it otherwise is replaced by the point arithmetic. So is, for that one
 * check, an engine that throws: it has given no verdict.
 */
export async function createWebVerifier(init: WebVerifierInit = {}): Promise<WebVerifier> {
  const subtle = 'subtle' in init ? init.subtle : (globalThis.crypto?.subtle as SubtleCrypto | undefined)
  if (subtle === undefined) return { ...(await loadNoble()), engine: 'noble' }
  const keys = new KeyCache<Promise<CryptoKey>>(WEB_KEY_LIMIT)

  async function ask({ publicKey, message, signature }: SignatureCheck, engine: SubtleCrypto): Promise<boolean> {
    const key = keys.getOrCreate(publicKey, () =>
      engine.importKey('raw', toPlainBuffer(publicKey), 'Ed25519', false, ['verify']),
    )
    return engine.verify('Ed25519', await key, toPlainBuffer(signature), toPlainBuffer(message))
  }

  if (!(await engineFollowsRulesAsync((check) => ask(check, subtle))))
    return { ...(await loadNoble()), engine: 'noble' }

  async function verify(check: SignatureCheck): Promise<boolean> {
    if (!passesRules(check)) return false
    try {
      return await ask(check, subtle as SubtleCrypto)
    } catch {
      return (await loadNoble()).verifySync(check)
    }
  }

  return {
    engine: 'webcrypto',
    verify,
    async verifyBatch(checks) {
      const verdicts: boolean[] = []
      for (let start = 0; start < checks.length; start += WEB_BATCH_SIZE)
        verdicts.push(...(await Promise.all(checks.slice(start, start + WEB_BATCH_SIZE).map(verify))))
      return verdicts
    },
  }
}

/** Point arithmetic is large, and few browsers need it. */
async function loadNoble(): Promise<SignatureVerifier & SyncSignatureVerifier> {
  return (await import('../../shared/crypto/noble-verifier.ts')).createNobleVerifier()
}
