/**
 * Certificates that nobody here made: Matter's own test vectors (project-chip/connectedhomeip) and chains of real phones
 * (android/keyattestation), each judged as it came and with altered bytes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseCertificate } from '../../../node-relay/certificate/certificate.ts'
import { type CertificateCheck, checkChain } from '../../../node-relay/certificate/check.ts'
import { readPem } from '../../../node-relay/certificate/pem.ts'
import { readChain } from '../../../node-relay/certificate/read-chain.ts'
import { readRevocation } from '../../../node-relay/certificate/revocation.ts'
import { readRoots } from '../../../node-relay/certificate/roots.ts'
import { codeOf, pem } from './make-chain.ts'

// Written by others, kept outside the project.
const VECTORS = process.env['LARES_VECTORS'] ?? resolve(import.meta.dirname, '../../../../shared/vectors')
const [MATTER, ANDROID] = [join(VECTORS, 'matter'), join(VECTORS, 'android-attestation')]
const hasMatter = existsSync(MATTER)
const hasAndroid = existsSync(ANDROID)
if (!hasMatter) console.warn(`not run: the Matter certificates are not at ${MATTER} (set LARES_VECTORS)`)
if (!hasAndroid) console.warn(`not run: the chains of phones are not at ${ANDROID} (set LARES_VECTORS)`)
const not = (present: boolean, folder: string) => (present ? '' : ` (not run: nothing at ${folder})`)

type Roots = CertificateCheck['roots']
const NOW = Date.parse('2026-06-01')

const ALTERED_PER_CERTIFICATE = 24

/** Bits to flip, one in each of so many bytes: by a fixed seed, spread over the whole. */
function sampleOf(length: number, count: number): { readonly index: number; readonly bit: number }[] {
  let seed = 0x2545f491
  const next = (limit: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * limit)
  }
  return Array.from({ length: Math.min(length, count) }, (_, step) => ({
    index: Math.floor((step * length) / Math.min(length, count)) + next(Math.max(1, Math.floor(length / count))),
    bit: next(8),
  }))
}

/** The chains that are accepted although one bit of a certificate was changed: none should be. */
function acceptedWhenAltered(
  chain: readonly Uint8Array[],
  check: (altered: readonly Uint8Array[]) => string,
): string[] {
  return chain.flatMap((der, position) =>
    sampleOf(der.length, ALTERED_PER_CERTIFICATE).flatMap(({ index, bit }) => {
      const altered = Uint8Array.from(der)
      altered[index] = (altered[index] ?? 0) ^ (1 << bit)
      const code = check(chain.with(position, altered))
      return code === 'valid' ? [`certificate ${position}, byte ${index}, bit ${bit}`] : []
    }),
  )
}

describe.skipIf(!hasMatter)(`Matter certificates${not(hasMatter, MATTER)}`, () => {
  let roots: Roots
  beforeAll(() => {
    roots = readRoots(MATTER)
    expect(roots).toHaveLength(1)
  })
  const judge = (text: string, at = NOW, revocation?: CertificateCheck['revocation']) => {
    const chain = readChain(Buffer.from(text))
    return chain.ok ? checkChain({ chain: chain.value, roots, at, revocation }) : chain
  }
  const vector = (name: string) => readFileSync(join(MATTER, name), 'utf8')

  it.each([
    ['struct_dac_cert_version_v3.json', 'valid'],
    ['struct_dac_vidpid_fallback_encoding_03.json', 'valid'],
    ['revoked-dac-01.json', 'valid'],
    ['struct_dac_ext_basic_ca_wrong.json', 'leaf-is-ca'],
    ['struct_dac_sig_curve_secp256k1.json', 'curve'],
    ['struct_dac_valid_in_past.json', 'expired'],
  ])('%s: %s', (name, code) => {
    expect(codeOf(judge(vector(name)))).toBe(code)
  })

  it('are judged as those who made them say', () => {
    const files = readdirSync(MATTER).filter((name) => name.endsWith('.json'))
    const said = files.flatMap((file): [string, boolean][] => {
      const { is_success_case: isGood } = JSON.parse(vector(file)) as { is_success_case?: 'true' | 'false' }
      return isGood === undefined ? [] : [[file, isGood === 'true']]
    })
    expect(said.length).toBeGreaterThan(0)
    expect(said.map(([file]) => [file, judge(vector(file)).ok])).toEqual(said)
  })

  it('whose DAC had expired before its PAI began is valid at no time', () => {
    const at = (day: string) => codeOf(judge(vector('struct_dac_valid_in_past.json'), Date.parse(day)))
    expect(at('2021-01-01')).toBe('not-yet-valid')
    expect(at('2022-01-01')).toBe('not-yet-valid')
    expect(at('2023-01-01')).toBe('expired')
  })

  it('tell vendor and product in both encodings', () => {
    const ids = (name: string) => judge(vector(name))
    expect(ids('struct_dac_cert_version_v3.json')).toMatchObject({
      value: { matter: { vendorId: 'FFF1', productId: '8000' } },
    })
    expect(ids('struct_dac_vidpid_fallback_encoding_03.json')).toMatchObject({
      value: { matter: { vendorId: 'FFF1', productId: '00B1' } },
    })
  })

  it('are revoked by the set of their issuer, and by no other', () => {
    const read = readRevocation(Buffer.from(vector('revocation-set-for-pai.json')), NOW)
    const lists = read.ok ? read.value : []
    expect(lists).toHaveLength(1)
    expect(codeOf(judge(vector('revoked-dac-01.json'), NOW, lists))).toBe('revoked')
    expect(codeOf(judge(vector('struct_dac_cert_version_v3.json'), NOW, lists))).toBe('revocation-unknown')
  })

  it('are refused with a bit changed', () => {
    const { dac_cert: dac, pai_cert: pai } = JSON.parse(vector('struct_dac_cert_version_v3.json')) as Record<
      string,
      string
    >
    const chain = [dac, pai].map((hex) => Uint8Array.from(Buffer.from(hex ?? '', 'hex')))
    const check = (ders: readonly Uint8Array[]) => codeOf(judge(ders.map((der) => pem(der)).join('')))
    expect(check(chain)).toBe('valid')
    expect(acceptedWhenAltered(chain, check)).toEqual([])
  })
})

describe.skipIf(!hasAndroid)(`certificates of phones${not(hasAndroid, ANDROID)}`, () => {
  const files = hasAndroid ? readdirSync(ANDROID).filter((name) => name.endsWith('.pem')) : []
  let roots: Roots
  beforeAll(() => {
    const texts = JSON.parse(readFileSync(join(ANDROID, 'roots.json'), 'utf8')) as string[]
    roots = texts.flatMap((text) => {
      const parsed = parseCertificate(readPem(text, 'CERTIFICATE', 1)?.[0] ?? new Uint8Array())
      return parsed.ok ? [parsed.value] : []
    })
    expect(roots).toHaveLength(texts.length)
  })
  const judge = (text: string, at: number) => {
    const chain = readChain(Buffer.from(text))
    return codeOf(chain.ok ? checkChain({ chain: chain.value, roots, at }) : chain)
  }
  const textOf = (name: string) => readFileSync(join(ANDROID, name), 'utf8')
  const IN_TIME = Date.parse('2024-10-01')

  it.each(files)('%s: valid in its time, and in no other', (name) => {
    expect(judge(textOf(name), IN_TIME)).toBe('valid')
    expect(judge(textOf(name), Date.parse('2016-01-01'))).toBe('not-yet-valid')
    expect(judge(textOf(name), Date.parse('2029-01-01'))).toBe('expired')
  })

  it('that carry an old copy of the root, which has expired since', () => {
    expect(judge(textOf('blueline_sdk28_TEE_EC_NONE.pem'), Date.parse('2026-11-01'))).toBe('valid')
  })

  it.each(files)('%s: refused with a bit changed', (name) => {
    const chain = readPem(textOf(name), 'CERTIFICATE', 10) ?? []
    const check = (ders: readonly Uint8Array[]) => judge(ders.map((der) => pem(der)).join(''), IN_TIME)
    expect(check(chain)).toBe('valid')
    expect(acceptedWhenAltered(chain, check)).toEqual([])
  })

  it.each(files)('%s: refused with a certificate left out, or in another order', (name) => {
    const chain = readPem(textOf(name), 'CERTIFICATE', 10) ?? []
    const check = (ders: readonly Uint8Array[]) => judge(ders.map((der) => pem(der)).join(''), IN_TIME)
    // Without the root at its end it is as good.
    expect(check(chain.slice(0, -1))).toBe('valid')
    for (let left = 0; left < chain.length - 1; left++) expect(check(chain.toSpliced(left, 1))).not.toBe('valid')
    expect(check(chain.toReversed())).not.toBe('valid')
  })

  it('are no Matter devices', () => {
    const [first = ''] = files
    const chain = readChain(Buffer.from(textOf(first)))
    expect(chain.ok && checkChain({ chain: { ...chain.value, matter: true }, roots, at: IN_TIME })).toMatchObject({
      ok: false,
    })
  })
})
