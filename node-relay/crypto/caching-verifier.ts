import { hash } from 'node:crypto'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'

/** Good signatures remembered: those of eight full blocks. The oldest are forgotten. */
export const MAX_REMEMBERED_SIGNATURES = 65_536

/**
 * Remembers which signatures held, so that a transaction verified on arrival is not verified again in each block template
 * and in its block. Keyed by a hash over key, signature and message: another message is another entry.
 */
export function createCachingVerifier(
  verifier: SignatureVerifier,
  limit = MAX_REMEMBERED_SIGNATURES,
): SignatureVerifier {
  const good = new Set<string>()

  const nameOf = ({ publicKey, signature, message }: SignatureCheck): string | undefined =>
    publicKey.length === 32 && signature.length === 64
      ? hash('sha256', Buffer.concat([publicKey, signature, message]), 'base64')
      : undefined

  function remember(name: string | undefined): void {
    if (name === undefined) return
    good.add(name)
    if (good.size > limit) good.delete(good.values().next().value as string)
  }

  async function verifyBatch(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    const names = checks.map(nameOf)
    const verdicts = names.map((name) => name !== undefined && good.has(name))
    const open = checks.flatMap((check, i) => (verdicts[i] === true ? [] : [{ check, i }]))
    if (open.length === 0) return verdicts
    const fresh = await verifier.verifyBatch(open.map(({ check }) => check))
    for (const [n, { i }] of open.entries()) {
      verdicts[i] = fresh[n] === true
      if (verdicts[i]) remember(names[i])
    }
    return verdicts
  }

  return { verify: async (check) => (await verifyBatch([check]))[0] === true, verifyBatch }
}
