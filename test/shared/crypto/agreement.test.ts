import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createPoolVerifier } from '../../../node-relay/crypto/pool-verifier.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { createWebVerifier } from '../../../web/crypto/web-verifier.ts'
import { type CraftedSignature, craftSignatures, SIGNATURE_CLASSES, signatureSeed } from '../../framework/signatures.ts'

const VECTORS = process.env['LARES_VECTORS'] ?? resolve(import.meta.dirname, '../../../../shared/vectors')
const WYCHEPROOF = join(VECTORS, 'wycheproof/ed25519_test.json')
const SEED = signatureSeed()
const PER_CLASS = 1000

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string }
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly msg: string
      readonly sig: string
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

/** Verdicts of every provider by name; each must be the real engine, not its own fallback. */
async function verdictsOfAll(checks: readonly SignatureCheck[]): Promise<Record<string, boolean[]>> {
  const node = createNodeVerifier()
  const web = await createWebVerifier()
  const noble = createNobleVerifier()
  const pool = createPoolVerifier({ threads: 2 })
  expect(node.engine).toBe('node')
  expect(web.engine).toBe('webcrypto')
  return {
    'node:crypto on the pool': await node.verifyBatch(checks),
    'node:crypto on worker threads': await pool.verifyBatch(checks).finally(() => pool.close()),
    'node:crypto at once': checks.map((check) => node.verifySync(check)),
    'WebCrypto of Node': await web.verifyBatch(checks),
    fallback: checks.map((check) => noble.verifySync(check)),
  }
}

describe('one signature verdict everywhere', () => {
  const present = existsSync(WYCHEPROOF)
  if (!present) console.warn(`not run: vectors absent (${WYCHEPROOF})`)

  test.skipIf(!present)('Wycheproof Ed25519: every provider agrees with the file', async () => {
    const file = JSON.parse(readFileSync(WYCHEPROOF, 'utf8')) as WycheproofFile
    const cases = file.testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(({ msg, sig, ...rest }) => ({
        ...rest,
        check: { publicKey: fromHex(publicKey.pk), message: fromHex(msg), signature: fromHex(sig) },
      })),
    )
    expect(cases.length).toBeGreaterThan(100)
    for (const [provider, verdicts] of Object.entries(await verdictsOfAll(cases.map(({ check }) => check)))) {
      const wrong = cases.filter(({ result }, i) => verdicts[i] !== (result === 'valid'))
      expect(
        wrong.map(({ tcId, comment }) => `${tcId} ${comment}`),
        provider,
      ).toEqual([])
    }
  })

  describe(`${PER_CLASS} crafted signatures of each class, LARES_TEST_SEED=${SEED}`, () => {
    let crafted: CraftedSignature[] = []
    let verdicts: Record<string, boolean[]> = {}

    beforeAll(async () => {
      crafted = craftSignatures(SEED, PER_CLASS)
      verdicts = await verdictsOfAll(crafted)
    }, 300_000)

    test.each(SIGNATURE_CLASSES)('%s', (kind) => {
      const indices = crafted.flatMap((check, i) => (check.class === kind ? [i] : []))
      expect(indices).toHaveLength(PER_CLASS)
      for (const [provider, given] of Object.entries(verdicts)) {
        const wrong = indices.filter((i) => given[i] !== crafted[i]?.expected)
        expect(wrong, `${provider}, LARES_TEST_SEED=${SEED}`).toEqual([])
      }
    })

    test('torsion that cancels is accepted, torsion that stays is refused, and both occur often', () => {
      for (const kind of ['torsion-in-a', 'torsion-in-both']) {
        const ofKind = crafted.filter((check) => check.class === kind)
        const accepted = ofKind.filter((check) => check.expected).length
        expect(accepted).toBeGreaterThan(PER_CLASS / 4)
        expect(accepted).toBeLessThan((PER_CLASS * 3) / 4)
      }
    })
  })
})
