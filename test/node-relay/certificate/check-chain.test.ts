import 'reflect-metadata'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  X509CrlGenerator,
} from '@peculiar/x509'
import { beforeAll, describe, expect, it } from 'vitest'
import { MAX_CERTIFICATE_BYTES, readCertificate } from '../../../node-relay/certificate/certificate.ts'
import { checkChain } from '../../../node-relay/certificate/check-chain.ts'
import { CERTIFICATE_SENTENCES } from '../../../node-relay/certificate/codes.ts'
import { matterIds } from '../../../node-relay/certificate/matter.ts'
import { MAX_CHAIN, readChain, readRoots } from '../../../node-relay/certificate/read-chain.ts'
import { type RevocationList, readRevocations } from '../../../node-relay/certificate/revocation.ts'
import { seededRandom } from '../mining/seeded-random.ts'
import {
  AT,
  asAuthority,
  asDevice,
  crypto,
  keyIds,
  type Made,
  makeDevice,
  makeIntermediate,
  makeRoot,
  matterName,
  newKeys,
  type Wish,
} from './made-chain.ts'

let root: Made
let intermediate: Made
let device: Made
beforeAll(async () => {
  root = await makeRoot()
  intermediate = await makeIntermediate(root)
  device = await makeDevice(intermediate)
})

/** The verdict's code on a chain, `valid` where it is. */
async function codeOf(chain: readonly Made[], revocations?: readonly RevocationList[], roots = [root], at = AT) {
  const checked = await checkChain({
    chain: chain.map(({ certificate }) => certificate),
    roots: roots.map(({ certificate }) => certificate),
    at,
    revocations,
  })
  return checked.ok ? 'valid' : checked.code
}

const deviceWith = async (wish: Wish) => codeOf([await makeDevice(intermediate, wish), intermediate])
const underIntermediate = async (wish: Wish) => {
  const made = await makeIntermediate(root, wish)
  return codeOf([await makeDevice(made), made])
}

describe('a good chain', () => {
  it('is valid, with its root or without, also as a copy of it', async () => {
    expect(await codeOf([device, intermediate])).toBe('valid')
    expect(await codeOf([device, intermediate, root])).toBe('valid')
    const renewed = await makeRoot({ keys: root.keys, until: AT + 1 })
    expect(await codeOf([device, intermediate, renewed])).toBe('valid')
  })

  it('finds its root among others of the same name', async () => {
    const others = [await makeRoot(), await makeRoot()]
    expect(await codeOf([device, intermediate], undefined, [...others, root])).toBe('valid')
    expect(await codeOf([device, intermediate], undefined, others)).toBe('wrong-key-identifier')
    expect(await codeOf([device, intermediate], undefined, [])).toBe('unknown-issuer')
  })

  it('of another maker is valid by the rules of X.509 alone (IEEE 802.1AR)', async () => {
    const top = await makeRoot({ subject: [{ O: ['Maker'] }], extensions: asAuthority() })
    const middle = await makeIntermediate(top, { subject: [{ O: ['Maker'] }, { CN: ['Plant 7'] }] })
    const own = await makeDevice(middle, { subject: [{ O: ['Maker'] }, { CN: ['IDevID 42'] }] })
    expect(await codeOf([own, middle], undefined, [top])).toBe('valid')
    const direct = await makeDevice(top, { subject: [{ CN: ['IDevID 43'] }] })
    expect(await codeOf([direct], undefined, [top])).toBe('valid')
  })
})

describe('a bad chain', () => {
  it('out of time', async () => {
    expect(await codeOf([device, intermediate], undefined, [root], AT - 2 * 366 * 86_400_000)).toBe('not-yet-valid')
    expect(await deviceWith({ until: AT - 1 })).toBe('expired')
    expect(await deviceWith({ until: AT + 1_000 })).toBe('valid')
    expect(await deviceWith({ from: AT + 1_000 })).toBe('not-yet-valid')
    expect(await underIntermediate({ until: AT - 1 })).toBe('expired')
    expect(await codeOf([device, intermediate], undefined, [await makeRoot({ keys: root.keys, until: AT - 1 })])).toBe(
      'expired',
    )
  })

  it('issued by another than the next', async () => {
    const other = await makeIntermediate(root)
    expect(await codeOf([device, other])).toBe('wrong-key-identifier')
    const { extensions } = { extensions: [...asDevice()] }
    const unnamed = await makeDevice(intermediate, { extensions })
    expect(await codeOf([unnamed, other])).toBe('bad-signature')
    expect(await codeOf([device, device])).toBe('wrong-issuer')
    expect(await codeOf([device])).toBe('unknown-issuer')
    expect(await codeOf([root])).not.toBe('valid')
    expect(await codeOf([device, await makeIntermediate(root, { subject: matterName('Another', 'FFF1') })])).toBe(
      'wrong-issuer',
    )
  })

  it('by one that may not issue, or not so deep', async () => {
    const noCa = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ]
    expect(await underIntermediate({ extensions: noCa })).toBe('not-a-ca')
    expect(await underIntermediate({ extensions: [] })).toBe('not-a-ca')
    const second = await makeIntermediate(intermediate, { subject: matterName('Below', 'FFF1') })
    expect(await codeOf([await makeDevice(second), second, intermediate])).toBe('path-too-long')
    expect(await deviceWith({ extensions: asAuthority() })).toBe('leaf-is-a-ca')
  })

  it('from before there were extensions that say who may issue', async () => {
    const der = Uint8Array.from(root.der)
    const version = Buffer.from(der).indexOf(Uint8Array.of(0xa0, 3, 2, 1, 2)) + 4
    der[version] = 1
    const older = readCertificate(der)
    if (!older.ok) throw new Error(older.detail)
    expect(older.value.version).toBe(2)
    expect(await codeOf([device, intermediate], undefined, [{ ...root, certificate: older.value }])).toBe(
      'wrong-version',
    )
  })

  it('with a key that may not be used so', async () => {
    const usage = (flags: number) => [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(flags, true)]
    expect(await underIntermediate({ extensions: usage(KeyUsageFlags.cRLSign) })).toBe('wrong-key-usage')
    const agreement = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyAgreement, true),
    ]
    expect(await deviceWith({ extensions: agreement })).toBe('wrong-key-usage')
  })

  it('with a key or a signature of another kind', async () => {
    expect(await deviceWith({ keys: await newKeys({ name: 'ECDSA', namedCurve: 'P-384' }) })).toBe('wrong-curve')
    const weak = {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 1_024,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: 'SHA-256',
    }
    expect(await deviceWith({ keys: await newKeys(weak) })).toBe('wrong-algorithm')
    expect(await deviceWith({ hash: 'SHA-1' })).toBe('wrong-algorithm')
    expect(await deviceWith({ hash: 'SHA-512' })).toBe('wrong-algorithm')
  })

  it('with an extension that is critical and unknown, but not with one that may be passed over', async () => {
    const keys = await newKeys()
    const ids = await keyIds(keys, intermediate.keys)
    const extra = (critical: boolean) => new Extension('1.2.3.4', critical, Uint8Array.of(5, 0))
    expect(await deviceWith({ keys, extensions: [...asDevice(), ...ids, extra(true)] })).toBe(
      'unknown-critical-extension',
    )
    expect(await deviceWith({ keys, extensions: [...asDevice(), ...ids, extra(false)] })).toBe('valid')
  })

  it('of Matter with fewer or more than three certificates, or without key identifiers', async () => {
    expect(await codeOf([await makeDevice(root)])).toBe('wrong-chain-length')
    expect(await deviceWith({ extensions: asDevice() })).toBe('wrong-key-identifier')
    const keys = await newKeys()
    const soft = [
      new BasicConstraintsExtension(false, undefined, false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    ]
    expect(await deviceWith({ keys, extensions: [...soft, ...(await keyIds(keys, intermediate.keys))] })).toBe(
      'leaf-is-a-ca',
    )
  })

  it.each([
    ['another vendor', matterName('Test device', 'FFF2', '8000'), 'wrong-vendor'],
    ['no product', matterName('Test device', 'FFF1'), 'wrong-product'],
    ['no vendor', matterName('Test device', undefined, '8000'), 'wrong-vendor'],
    ['lower case', matterName('Test device', 'fff1', '8000'), 'wrong-vendor'],
    [
      'two vendors',
      [...(matterName('Test device', 'FFF1', '8000') as []), ...(matterName('x', 'FFF1') as [])],
      'wrong-vendor',
    ],
    ['its vendor in the name only', [{ CN: [{ utf8String: 'Mvid:FFF1' }] }], 'wrong-product'],
    ['both in the name, twice', [{ CN: [{ utf8String: 'Mvid:FFF1 Mpid:8000 Mvid:FFF1' }] }], 'wrong-vendor'],
    ['both in the name', [{ CN: [{ utf8String: 'ACME Mpid:8000 and Mvid:FFF1' }] }], 'valid'],
  ])('of Matter with %s', async (_, subject, code) => {
    expect(await deviceWith({ subject })).toBe(code)
  })

  it('of Matter whose intermediate or root speak for others', async () => {
    expect(await underIntermediate({ subject: matterName('Test intermediate', 'FFF1', '8001') })).toBe('wrong-product')
    expect(await underIntermediate({ subject: matterName('Test intermediate', 'FFF1', '8000') })).toBe('valid')
    expect(await underIntermediate({ subject: matterName('Test intermediate', 'FFF2') })).toBe('wrong-vendor')
    const wide = await makeRoot({ subject: matterName('Any vendor') })
    const middle = await makeIntermediate(wide)
    expect(await codeOf([await makeDevice(middle), middle], undefined, [wide])).toBe('valid')
    const other = await makeRoot({ subject: matterName('Other vendor', 'FFF3') })
    const below = await makeIntermediate(other)
    expect(await codeOf([await makeDevice(below), below], undefined, [other])).toBe('wrong-vendor')
  })
})

describe('revocation', () => {
  const DAY = 86_400_000
  async function crl(
    by: Made,
    serials: readonly string[],
    change: { from?: number; until?: number; signer?: Made } = {},
  ) {
    const made = await X509CrlGenerator.create(
      {
        issuer: new Name(by.subject),
        thisUpdate: new Date(change.from ?? AT - DAY),
        nextUpdate: new Date(change.until ?? AT + DAY),
        entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date(AT - DAY) })),
        signingKey: (change.signer ?? by).keys.privateKey,
        signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      },
      crypto,
    )
    const read = readRevocations(new Uint8Array(made.rawData))
    if (!read.ok) throw new Error(read.detail)
    return read.value
  }
  const chain = () => [device, intermediate]

  it('is valid, revoked or stale', async () => {
    const ofRoot = await crl(root, [])
    expect(await codeOf(chain(), [...ofRoot, ...(await crl(intermediate, []))])).toBe('valid')
    expect(await codeOf(chain(), [...ofRoot, ...(await crl(intermediate, ['77']))])).toBe('valid')
    const { serial } = device.certificate
    expect(await codeOf(chain(), [...ofRoot, ...(await crl(intermediate, ['77', serial]))])).toBe('revoked')
    expect(await codeOf(chain(), [...ofRoot, ...(await crl(intermediate, [], { until: AT - 1_000 }))])).toBe(
      'revocation-stale',
    )
    expect(await codeOf(chain(), [...ofRoot, ...(await crl(intermediate, [], { from: AT + 1_000 }))])).toBe(
      'revocation-stale',
    )
    const revokedAbove = await crl(root, [intermediate.certificate.serial])
    expect(await codeOf(chain(), [...revokedAbove, ...(await crl(intermediate, []))])).toBe('revoked')
  })

  it('fails closed: of every issuer there must be a list that it has signed', async () => {
    expect(await codeOf(chain(), [])).toBe('revocation-unknown')
    expect(await codeOf(chain(), await crl(intermediate, []))).toBe('revocation-unknown')
    const forged = await crl(intermediate, [], { signer: await makeIntermediate(root) })
    expect(await codeOf(chain(), [...(await crl(root, [])), ...forged])).toBe('revocation-unknown')
    const { serial } = device.certificate
    const stale = await crl(intermediate, [serial], { until: AT - 1_000 })
    // What was revoked stays so, however old the news.
    expect(await codeOf(chain(), [...(await crl(root, [])), ...stale])).toBe('revoked')
  })

  it('refuses what is no list', () => {
    for (const text of ['', 'hello', '{}', '[{}]', '[{"type":"revocation_set"}]', '-----BEGIN X509 CRL-----'])
      expect(readRevocations(Buffer.from(text))).toMatchObject({ ok: false, code: 'malformed-revocation' })
    expect(readRevocations(Buffer.from('[]'))).toMatchObject({ ok: true, value: [] })
  })
})

describe('reading', () => {
  const pem = ({ der }: Made) =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`

  it('takes PEM, a test vector, DER and lists', () => {
    expect(readChain(`Some words\n${pem(device)}${pem(intermediate)}`)).toMatchObject({ ok: true, value: [{}, {}] })
    const hex = ({ der }: Made) => Buffer.from(der).toString('hex')
    expect(readChain(JSON.stringify({ dac_cert: hex(device), pai_cert: hex(intermediate) }))).toMatchObject({
      ok: true,
      value: [{ subject: device.certificate.subject }, { subject: intermediate.certificate.subject }],
    })
    expect(readRoots(root.der)).toMatchObject({ ok: true, value: [{}] })
    expect(readRoots(Buffer.from(JSON.stringify([pem(root), pem(intermediate)])))).toMatchObject({ value: [{}, {}] })
  })

  it.each([
    ['nothing', ''],
    ['no certificate', 'hello'],
    ['no base64', '-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----'],
    ['no DER', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
    ['no hexadecimal', '{"dac_cert": "xy"}'],
    ['another type', '{"dac_cert": 7}'],
  ])('refuses %s', (_, text) => {
    expect(readChain(text)).toMatchObject({ ok: false, code: 'malformed-certificate' })
  })

  it('refuses what is too much', () => {
    expect(readChain(pem(device).repeat(MAX_CHAIN))).toMatchObject({ ok: true })
    expect(readChain(pem(device).repeat(MAX_CHAIN + 1))).toMatchObject({ ok: false, code: 'too-many-certificates' })
    expect(readCertificate(new Uint8Array(MAX_CERTIFICATE_BYTES + 1))).toMatchObject({ ok: false })
    expect(readCertificate(Uint8Array.of(...device.der, 0))).toMatchObject({ ok: false, code: 'malformed-certificate' })
    expect(readCertificate(device.der.subarray(0, -1))).toMatchObject({ ok: false, code: 'malformed-certificate' })
  })

  it('shows no name that moves the cursor', async () => {
    const odd = await makeDevice(intermediate, { subject: [{ CN: [{ utf8String: 'a\u001b[2Jb' }] }] })
    expect(odd.certificate.subjectText).toBe('CN=a\uFFFD[2Jb')
  })
})

const VECTORS = process.env['LARES_VECTORS'] ?? resolve(import.meta.dirname, '../../../../shared/vectors')
const present = existsSync(join(VECTORS, 'matter'))
if (!present) console.warn(`not run: the certificate vectors are not at ${VECTORS} (set LARES_VECTORS)`)

describe.skipIf(!present)('certificates that others made', () => {
  const file = (name: string) => readFileSync(join(VECTORS, name))
  const chainOf = (text: string) => {
    const read = readChain(text)
    if (!read.ok) throw new Error(read.detail)
    return read.value
  }
  const rootsOf = (name: string) => {
    const read = readRoots(file(name))
    if (!read.ok) throw new Error(read.detail)
    return read.value
  }
  async function verdictOf(text: string, roots: string, at: number, revocations?: readonly RevocationList[]) {
    const chain = readChain(text)
    if (!chain.ok) return chain.code
    const checked = await checkChain({ chain: chain.value, roots: rootsOf(roots), at, revocations })
    return checked.ok ? 'valid' : checked.code
  }

  describe('Matter', () => {
    const PAA = 'matter/Chip-Test-PAA-FFF1-Cert.pem'
    it.each([
      ['struct_dac_cert_version_v3', 'valid'],
      ['struct_dac_vidpid_fallback_encoding_03', 'valid'],
      ['struct_dac_ext_basic_ca_wrong', 'leaf-is-a-ca'],
      ['struct_dac_sig_curve_secp256k1', 'wrong-curve'],
      ['struct_dac_valid_in_past', 'expired'],
    ])('%s is %s', async (name, code) => {
      const text = file(`matter/${name}.json`).toString()
      expect(await verdictOf(text, PAA, AT)).toBe(code)
      const { is_success_case: isGood } = JSON.parse(text) as { is_success_case: string }
      expect(code === 'valid').toBe(isGood === 'true')
    })

    it('of every vector there is a verdict here', () => {
      expect(readdirSync(join(VECTORS, 'matter')).filter((name) => name.startsWith('struct'))).toHaveLength(5)
    })

    it('a device that was revoked is, by the set of its issuer', async () => {
      const text = file('matter/revoked-dac-01.json').toString()
      const sets = readRevocations(file('matter/revocation-set-for-pai.json'))
      if (!sets.ok) throw new Error(sets.detail)
      expect(await verdictOf(text, PAA, AT)).toBe('valid')
      expect(await verdictOf(text, PAA, AT, sets.value)).toBe('revoked')
      const [leaf] = chainOf(text)
      expect(leaf && matterIds(leaf)).toEqual({ vendor: 'FFF1', product: '8001' })
      // The same set without its serial number, and one for the root: the good case.
      const cleared = sets.value.map((set) => ({ ...set, serials: new Set<string>() }))
      const [paa] = rootsOf(PAA)
      const ofRoot = { ...(cleared[0] as RevocationList), issuer: paa?.subject ?? '', issuerKeyId: paa?.keyId }
      expect(await verdictOf(text, PAA, AT, [...cleared, ofRoot])).toBe('valid')
      expect(await verdictOf(text, PAA, AT, cleared)).toBe('revocation-unknown')
    })
  })

  describe('Android attestation', () => {
    const ROOTS = 'android-attestation/roots.json'
    const THEN = Date.parse('2024-09-20T12:00:00Z')
    const names = ['akita_sdk34_SB_RSA_NONE', 'akita_sdk34_TEE_EC_NONE', 'blueline_sdk28_TEE_EC_NONE']
    it.each(names)('%s is valid, and not with a byte altered', async (name) => {
      const text = file(`android-attestation/${name}.pem`).toString()
      expect(await verdictOf(text, ROOTS, THEN)).toBe('valid')
      const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)
      console.log(`LARES_SEED=${seed}`)
      const random = seededRandom(seed)
      const chain = chainOf(text)
      for (let round = 0; round < 150; round++) {
        const index = Math.floor(random() * chain.length)
        const der = Uint8Array.from((chain[index] as { der: Uint8Array }).der)
        const at = Math.floor(random() * der.length)
        der[at] = (der[at] as number) ^ (1 + Math.floor(random() * 255))
        const altered = chain.map((one, i) => (i === index ? der : one.der))
        const blocks = altered.map(
          (one) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(one).toString('base64')}\n-----END CERTIFICATE-----\n`,
        )
        const code = await verdictOf(blocks.join(''), ROOTS, THEN)
        expect(code, `certificate ${index}, byte ${at}`).not.toBe('valid')
        expect(Object.keys(CERTIFICATE_SENTENCES)).toContain(code)
      }
    })

    it('is not valid for other roots', async () => {
      const text = file(`android-attestation/${names[0]}.pem`).toString()
      expect(await verdictOf(text, 'matter/Chip-Test-PAA-FFF1-Cert.pem', THEN)).toBe('unknown-issuer')
    })
  })
})
