import { generateKeyPairSync } from 'node:crypto'
import 'reflect-metadata'
import { BasicConstraintsExtension, type JsonName, KeyUsageFlags, KeyUsagesExtension } from '@peculiar/x509'
import { beforeAll, describe, expect, test } from 'vitest'
import { codeOf, createKeys, type Issued, issue, judge, type Wanted } from './make-chain.ts'

const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = KeyUsageFlags
const VENDOR = '1.3.6.1.4.1.37244.2.1'
const PRODUCT = '1.3.6.1.4.1.37244.2.2'

/** A name in Matter's first encoding. */
function named(role: string, vendorId?: string, productId?: string): JsonName {
  return [
    { CN: [role] },
    ...(vendorId === undefined ? [] : [{ [VENDOR]: [vendorId] }]),
    ...(productId === undefined ? [] : [{ [PRODUCT]: [productId] }]),
  ]
}

let paa: Issued
let pai: Issued
beforeAll(async () => {
  paa = await issue({ name: named('PAA', 'FFF1'), ca: true, pathLength: 1 })
  pai = await issue({ name: named('PAI', 'FFF1'), issuer: paa, ca: true, pathLength: 0 })
})

const judgeDac = async (wanted: Wanted, issuer = pai) =>
  judge([await issue({ name: named('DAC', 'FFF1', '8000'), issuer, ...wanted }), issuer], paa)
const dac = async (wanted: Wanted, issuer = pai) => codeOf(await judgeDac(wanted, issuer))
/** Whether a good DAC holds below another PAI. */
const belowPai = async (wanted: Wanted) =>
  dac({}, await issue({ name: named('PAI', 'FFF1'), issuer: paa, ca: true, pathLength: 0, ...wanted }))
/** And below another PAA. */
async function belowPaa(wanted: Wanted): Promise<string> {
  const top = await issue({ name: named('PAA', 'FFF1'), ca: true, pathLength: 1, ...wanted })
  const middle = await issue({ name: named('PAI', 'FFF1'), issuer: top, ca: true, pathLength: 0 })
  return codeOf(judge([await issue({ name: named('DAC', 'FFF1', '8000'), issuer: middle }), middle], top))
}

test('a chain that holds tells vendor and product', async () => {
  const outcome = await judgeDac({})
  expect(outcome).toMatchObject({ ok: true, value: { matter: { vendorId: 'FFF1', productId: '8000' } } })
})

describe('the profile of each role', () => {
  const constraints = (ca: boolean, length?: number, critical = true) =>
    new BasicConstraintsExtension(ca, length, critical)

  test('DAC: no authority, for signatures only', async () => {
    expect(await dac({ ca: true })).toBe('leaf-is-ca')
    expect(await dac({ conditions: [new KeyUsagesExtension(digitalSignature, true)] })).toBe('matter-profile')
    expect(await dac({ conditions: [constraints(false)] })).toBe('key-usage')
    expect(await dac({ usages: digitalSignature | keyAgreement })).toBe('key-usage')
    const loose = [constraints(false), new KeyUsagesExtension(digitalSignature, false)]
    expect(await dac({ conditions: loose })).toBe('key-usage')
    expect(
      await dac({ conditions: [constraints(false, undefined, false), new KeyUsagesExtension(digitalSignature, true)] }),
    ).toBe('matter-profile')
  })

  test('PAI: certifies devices and nothing below', async () => {
    expect(await belowPai({})).toBe('valid')
    expect(await belowPai({ usages: keyCertSign | cRLSign | digitalSignature })).toBe('valid')
    expect(await belowPai({ usages: keyCertSign })).toBe('key-usage')
    const conditions = (length?: number) => [
      constraints(true, length),
      new KeyUsagesExtension(keyCertSign | cRLSign, true),
    ]
    expect(await belowPai({ conditions: conditions(0) })).toBe('valid')
    expect(await belowPai({ conditions: conditions() })).toBe('matter-profile')
    expect(await belowPai({ conditions: conditions(1) })).toBe('matter-profile')
  })

  test('PAA: path length 1 or none', async () => {
    const conditions = (length?: number) => [
      constraints(true, length),
      new KeyUsagesExtension(keyCertSign | cRLSign, true),
    ]
    expect(await belowPaa({ conditions: conditions() })).toBe('valid')
    expect(await belowPaa({ conditions: conditions(2) })).toBe('matter-profile')
    expect(await belowPaa({ usages: keyCertSign })).toBe('key-usage')
  })

  test('P-256 and SHA-256 throughout', async () => {
    const keyInfo = (namedCurve: string) =>
      generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'der' })
    expect(await dac({ keyInfo: keyInfo('secp384r1') })).toBe('curve')
    expect(await dac({ keyInfo: keyInfo('secp256k1') })).toBe('curve')
    expect(await dac({ hash: 'SHA-384' })).toBe('matter-profile')
    expect(await belowPaa({ keys: await createKeys({ name: 'ECDSA', namedCurve: 'P-384' }) })).toBe('curve')
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ type: 'spki', format: 'der' })
    expect(await dac({ keyInfo: rsa })).toBe('key-type')
  })

  test('with key identifiers', async () => {
    const [subjectKeyId, authorityKeyId] = ['2.5.29.14', '2.5.29.35']
    for (const oid of [subjectKeyId, authorityKeyId]) {
      expect(await dac({ without: [oid] })).toBe('matter-profile')
      expect(await belowPai({ without: [oid] })).toBe('matter-profile')
    }
    expect(await belowPaa({ without: [subjectKeyId] })).toBe('matter-profile')
    expect(await belowPaa({ without: [authorityKeyId] })).toBe('valid')
    expect(await dac({ authorityKeyId: '00' })).toBe('key-identifier')
  })

  test('of three certificates, not two and not four', async () => {
    const short = [await issue({ name: named('DAC', 'FFF1', '8000'), issuer: paa })]
    expect(codeOf(judge(short, paa))).toBe('matter-profile')
    const top = await issue({ name: named('PAA', 'FFF1'), ca: true })
    const between = await issue({ name: named('between', 'FFF1'), issuer: top, ca: true })
    const product = await issue({ name: named('PAI', 'FFF1'), issuer: between, ca: true, pathLength: 0 })
    const device = await issue({ name: named('DAC', 'FFF1', '8000'), issuer: product })
    expect(codeOf(judge([device, product, between], top))).toBe('matter-profile')
  })
})

describe('vendor and product', () => {
  test('are in the DAC, the vendor in the PAI', async () => {
    expect(await dac({ name: named('DAC', undefined, '8000') })).toBe('vendor-id')
    expect(await dac({ name: named('DAC', 'FFF1') })).toBe('product-id')
    expect(await dac({ name: named('DAC') })).toBe('vendor-id')
    expect(await belowPai({ name: named('PAI') })).toBe('vendor-id')
    expect(await belowPai({ name: named('PAI', 'FFF1', '8000') })).toBe('valid')
    expect(await belowPaa({ name: named('PAA') })).toBe('valid')
    expect(await belowPaa({ name: named('PAA', 'FFF1', '8000') })).toBe('product-id')
  })

  test('are the same throughout', async () => {
    expect(await dac({ name: named('DAC', 'FFF2', '8000') })).toBe('vendor-mismatch')
    expect(await belowPai({ name: named('PAI', 'FFF2') })).toBe('vendor-mismatch')
    expect(await belowPaa({ name: named('PAA', 'FFF2') })).toBe('vendor-mismatch')
    expect(await belowPai({ name: named('PAI', 'FFF1', '8001') })).toBe('product-mismatch')
  })

  test('are four upper-case hex digits, once', async () => {
    for (const bad of ['FFF', 'FFF10', 'fff1', 'FFG1', ' FFF1', ''])
      expect(await dac({ name: named('DAC', bad, '8000') })).toBe('vendor-id')
    expect(await dac({ name: named('DAC', 'FFF1', '800') })).toBe('product-id')
    expect(await dac({ name: [...named('DAC', 'FFF1', '8000'), { [VENDOR]: ['FFF1'] }] })).toBe('vendor-id')
    expect(await dac({ name: [...named('DAC', 'FFF1', '8000'), { [PRODUCT]: ['8000'] }] })).toBe('product-id')
  })

  // The examples of the specification, section 6.2.2.2, with our vendor.
  test.each([
    ['valid', 'ACME Matter Devel DAC 5CDA9899 Mvid:FFF1 Mpid:00B1'],
    ['valid', 'ACME Matter Devel DAC 5CDA9899 Mpid:00B1 Mvid:FFF1'],
    ['valid', 'Mpid:00B1,ACME Matter Devel DAC 5CDA9899,Mvid:FFF1'],
    ['valid', 'ACME Matter Devel DAC 5CDA9899 Mvid:FFF1Mpid:00B1'],
    ['valid', 'Mvid:FFF1ACME Matter Devel DAC 5CDAMpid:00B19899'],
    ['vendor-id', 'ACME Matter Devel DAC 5CDA9899 Mvid:FF1 Mpid:00B1'],
    ['vendor-id', 'ACME Matter Devel DAC 5CDA9899 Mvid:fff1 Mpid:00B1'],
    ['product-id', 'ACME Matter Devel DAC 5CDA9899 Mvid:FFF1 Mpid:B1'],
    ['product-id', 'ACME Matter Devel DAC 5CDA9899 Mvid:FFF1 Mpid: 00B1'],
    ['vendor-id', 'ACME Matter Devel DAC 5CDA9899 Mpid:00B1'],
    ['vendor-id', 'Mvid:FFF1 Mvid:FFF1 Mpid:00B1'],
  ])('in the common name: %s, "%s"', async (code, text) => {
    const outcome = await judgeDac({ name: [{ CN: [text] }] })
    expect(codeOf(outcome)).toBe(code)
    if (outcome.ok) expect(outcome.value.matter).toEqual({ vendorId: 'FFF1', productId: '00B1' })
  })

  test('in the common name count only where no attribute says either', async () => {
    expect(await dac({ name: named('Mvid:FFF2 Mpid:0001', 'FFF1', '8000') })).toBe('valid')
    expect(await dac({ name: named('Mpid:8000', 'FFF1') })).toBe('product-id')
  })
})

test('a DAC without IDs stays under the profile, since its issuers have them', async () => {
  expect(await dac({ name: [{ CN: ['just a name'] }] })).toBe('vendor-id')
})
