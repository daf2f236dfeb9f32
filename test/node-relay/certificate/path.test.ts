import { createPublicKey, generateKeyPairSync, type KeyPairKeyObjectResult, randomBytes, sign } from 'node:crypto'
import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
} from '@peculiar/x509'
import { beforeAll, describe, expect, test } from 'vitest'
import { readDer } from '../../../node-relay/certificate/der.ts'
import { readSigned, type Signed, verifySigned } from '../../../node-relay/certificate/signed.ts'
import { AT, codeOf, createKeys, element, forge, type Issued, issue, judge, type Wanted } from './make-chain.ts'

const DAY_MS = 86_400_000
const { digitalSignature, keyEncipherment, cRLSign } = KeyUsageFlags
let root: Issued
let middle: Issued
let device: Issued

beforeAll(async () => {
  root = await issue({ name: [{ CN: ['root'] }], ca: true })
  middle = await issue({ name: [{ CN: ['middle'] }], issuer: root, ca: true, pathLength: 0 })
  device = await issue({ issuer: middle })
})

const spki = (type: string, options: object) =>
  (generateKeyPairSync as (type: string, options: object) => KeyPairKeyObjectResult)(type, options).publicKey.export({
    type: 'spki',
    format: 'der',
  })

/** A device's certificate that differs from the good one in one thing. */
const leaf = async (wanted: Wanted) => codeOf(judge([await issue({ issuer: middle, ...wanted }), middle], root))

/** The same for the authority between it and the root. */
async function authority(wanted: Wanted): Promise<string> {
  const other = await issue({ name: [{ CN: ['middle'] }], issuer: root, ca: true, ...wanted })
  return codeOf(judge([await issue({ issuer: other }), other], root))
}

describe('a chain that holds', () => {
  test('with the root left out, and with it at the end', () => {
    expect(codeOf(judge([device, middle], root))).toBe('valid')
    expect(codeOf(judge([device, middle, root], root))).toBe('valid')
  })

  test('issued by the root itself', async () => {
    expect(codeOf(judge([await issue({ issuer: root })], root))).toBe('valid')
  })

  test.each(['P-384', 'P-521'])('with keys on %s', async (namedCurve) => {
    const algorithm = { name: 'ECDSA', namedCurve }
    const top = await issue({ name: [{ CN: ['top'] }], ca: true, keys: await createKeys(algorithm), hash: 'SHA-384' })
    const below = await issue({ issuer: top, hash: 'SHA-512', keys: await createKeys(algorithm) })
    expect(codeOf(judge([below], top))).toBe('valid')
  })

  test('whose root was issued anew with the same key: the trusted copy that holds counts', async () => {
    const expired = await issue({ name: root.name, keys: root.keys, ca: true, until: AT - DAY_MS })
    expect(codeOf(judge([device, middle, expired], [expired, root]))).toBe('valid')
    expect(codeOf(judge([device, middle], expired))).toBe('expired')
  })

  test('where an authority has renewed its key, which counts for no level', async () => {
    const renewed = await issue({ name: middle.name, issuer: root, ca: true, pathLength: 0 })
    const next = await issue({ name: middle.name, issuer: renewed, ca: true, pathLength: 0 })
    expect(codeOf(judge([await issue({ issuer: next }), next, renewed], root))).toBe('valid')
  })
})

test('a copy of the root that was altered', () => {
  const altered = Uint8Array.from(root.der)
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
  expect(codeOf(judge([device, middle, altered], root))).toBe('bad-signature')
})

describe('time', () => {
  test('to the second, both ends included', async () => {
    const wanted = { from: AT, until: AT + DAY_MS }
    const short = await issue({ issuer: middle, ...wanted })
    const at = (time: number) => codeOf(judge([short, middle], root, { at: time }))
    expect([at(AT - 1), at(AT), at(AT + DAY_MS), at(AT + DAY_MS + 1_000)]).toEqual([
      'not-yet-valid',
      'valid',
      'valid',
      'expired',
    ])
  })

  test('of an authority', async () => {
    expect(await authority({ until: AT - DAY_MS })).toBe('expired')
    expect(await authority({ from: AT + DAY_MS })).toBe('not-yet-valid')
  })
})

describe('who issued it', () => {
  test('no root that is trusted', async () => {
    const stranger = await issue({ name: [{ CN: ['stranger'] }], ca: true })
    expect(codeOf(judge([device, middle], stranger))).toBe('untrusted-root')
    expect(codeOf(judge([await issue({ issuer: stranger }), stranger], root))).toBe('untrusted-root')
    expect(codeOf(judge([await issue({})], root))).toBe('untrusted-root')
  })

  test('somebody who took the name of the root', async () => {
    const thief = await issue({ name: root.name, ca: true })
    expect(codeOf(judge([await issue({ issuer: thief })], root))).toBe('key-identifier')
    expect(codeOf(judge([await issue({ issuer: thief, authorityKeyId: root.keyId })], root))).toBe('bad-signature')
    expect(codeOf(judge([await issue({ issuer: thief }), thief], root))).toBe('key-identifier')
  })

  test('another one than comes next', async () => {
    expect(await leaf({ issuerName: [{ CN: ['other'] }] })).toBe('wrong-issuer')
    expect(codeOf(judge([middle, device], root))).toBe('untrusted-root')
    // Names are compared as they are written.
    expect(await leaf({ issuerName: [{ CN: ['MIDDLE'] }] })).toBe('wrong-issuer')
  })

  test('another key of the same issuer', async () => {
    expect(await leaf({ authorityKeyId: '0102' })).toBe('key-identifier')
  })

  test('a signature by another key', async () => {
    expect(await leaf({ issuer: { ...middle, keys: root.keys } })).toBe('bad-signature')
  })

  test('a signature that is not sound any more', async () => {
    expect(await leaf({ hash: 'SHA-1' })).toBe('signature-algorithm')
  })

  test('a circle, and a certificate twice', async () => {
    const one: Issued = await issue({ name: [{ CN: ['one'] }], issuer: root, ca: true })
    const two = await issue({ name: [{ CN: ['two'] }], issuer: one, ca: true })
    const again = await issue({ name: one.name, keys: one.keys, issuer: two, ca: true })
    expect(codeOf(judge([await issue({ issuer: again }), again, two, one], root))).toBe('repeated-certificate')
    expect(codeOf(judge([device, device, middle], root))).toBe('repeated-certificate')
  })
})

describe('what an authority may', () => {
  test('nothing without the CA flag', async () => {
    expect(await authority({ conditions: [] })).toBe('not-a-ca')
    expect(await authority({ conditions: [new BasicConstraintsExtension(false, undefined, true)] })).toBe('not-a-ca')
    expect(codeOf(judge([await issue({ issuer: device }), device, middle], root))).toBe('not-a-ca')
    const noAuthority = await issue({ name: [{ CN: ['no authority'] }] })
    expect(codeOf(judge([await issue({ issuer: noAuthority })], noAuthority))).toBe('not-a-ca')
  })

  test('not sign certificates with a key for other uses', async () => {
    expect(await authority({ usages: cRLSign })).toBe('key-usage')
    expect(await authority({ conditions: [new BasicConstraintsExtension(true)] })).toBe('valid')
  })

  test('no more levels than its path length', async () => {
    const below = await issue({ name: [{ CN: ['below'] }], issuer: middle, ca: true })
    expect(codeOf(judge([await issue({ issuer: below }), below, middle], root))).toBe('path-length')
    // What a lower authority allows itself does not lift what is said above.
    const narrow = await issue({ name: [{ CN: ['narrow'] }], ca: true, pathLength: 1 })
    const first = await issue({ name: [{ CN: ['first'] }], issuer: narrow, ca: true, pathLength: 5 })
    const second = await issue({ name: [{ CN: ['second'] }], issuer: first, ca: true, pathLength: 5 })
    expect(codeOf(judge([await issue({ issuer: first }), first], narrow))).toBe('valid')
    expect(codeOf(judge([await issue({ issuer: second }), second, first], narrow))).toBe('path-length')
  })
})

describe("the device's own certificate", () => {
  test('is not one of an authority', async () => {
    expect(await leaf({ ca: true })).toBe('leaf-is-ca')
    expect(codeOf(judge([middle], root))).toBe('leaf-is-ca')
    expect(codeOf(judge([root], root))).toBe('leaf-is-ca')
    // Nor is a root a device because it says that it is no authority.
    const alone = await issue({})
    expect(codeOf(judge([alone], alone))).toBe('leaf-is-ca')
  })

  test('is for signing', async () => {
    expect(await leaf({ usages: keyEncipherment })).toBe('key-usage')
    expect(await leaf({ usages: digitalSignature | keyEncipherment })).toBe('valid')
    expect(await leaf({ conditions: [] })).toBe('valid')
  })

  test('is for proving who one is, where it names purposes', async () => {
    const purposes = (...usages: string[]) => leaf({ more: [new ExtendedKeyUsageExtension(usages)] })
    expect(await purposes('1.3.6.1.5.5.7.3.1')).toBe('extended-key-usage')
    expect(await purposes('1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2')).toBe('valid')
    expect(await purposes('2.5.29.37.0')).toBe('valid')
  })
})

describe('keys', () => {
  test.each([
    ['curve', 'ec', { namedCurve: 'secp256k1' }],
    ['curve', 'ec', { namedCurve: 'secp224r1' }],
    ['curve', 'ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' }],
    ['key-type', 'rsa', { modulusLength: 1_024 }],
    ['valid', 'rsa', { modulusLength: 2_048 }],
    ['key-type', 'ed25519', {}],
  ] as const)('%s: %s %o', async (code, type, options) => {
    expect(await leaf({ keyInfo: spki(type, options) })).toBe(code)
  })
})

test('an RSA key that only costs time', async () => {
  const n = randomBytes(9_216 / 8)
  n[0] = 0x80
  n[n.length - 1] = 1
  const key = createPublicKey({ key: { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' }, format: 'jwk' })
  expect(await leaf({ keyInfo: key.export({ type: 'spki', format: 'der' }) })).toBe('key-type')
})

describe('what the signature is by', () => {
  const OID_END = Buffer.from('2a8648ce3d040302', 'hex')

  test('is said twice, and alike', () => {
    const other = forge(device.der, middle, (signed) => {
      signed[signed.indexOf(OID_END) + OID_END.length - 1] = 3
      return signed
    })
    expect(codeOf(judge([other, middle], root))).toBe('malformed')
  })

  test('is of the kind of the key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const toBeSigned = element(0x30, Buffer.alloc(0))
    const signedAs = (oid: string) => {
      const algorithm = element(0x30, element(0x06, Buffer.from(oid, 'hex')))
      const signature = element(0x03, Buffer.concat([Buffer.of(0), sign('sha256', toBeSigned, privateKey)]))
      return readSigned(readDer(element(0x30, Buffer.concat([toBeSigned, algorithm, signature])))) as Signed
    }
    expect(codeOf(verifySigned(signedAs('2a864886f70d01010b'), publicKey))).toBe('valid')
    expect(codeOf(verifySigned(signedAs('2a8648ce3d040302'), publicKey))).toBe('bad-signature')
  })
})

describe('extensions', () => {
  const nothing = Buffer.from('0500', 'hex')

  test('that are critical and not known', async () => {
    expect(await leaf({ more: [new Extension('1.2.3.4', true, nothing)] })).toBe('unknown-critical-extension')
    expect(await leaf({ more: [new Extension('1.2.3.4', false, nothing)] })).toBe('valid')
    expect(await authority({ more: [new Extension('1.2.3.4', true, nothing)] })).toBe('unknown-critical-extension')
  })

  test('that narrow names, critical or not: nobody looks at names here', async () => {
    const empty = Buffer.from('3000', 'hex')
    expect(await authority({ more: [new Extension('2.5.29.30', false, empty)] })).toBe('unknown-critical-extension')
  })

  test('that occur twice', async () => {
    const twice = [new KeyUsagesExtension(digitalSignature, true), new KeyUsagesExtension(digitalSignature, true)]
    expect(await leaf({ conditions: twice })).toBe('duplicate-extension')
    expect(await leaf({ conditions: twice.slice(1) })).toBe('valid')
  })

  test('that are not strict DER inside', async () => {
    // cA as 0x01 instead of 0xff: true in BER.
    const loose = new Extension('2.5.29.19', true, Buffer.from('3003010101', 'hex'))
    expect(await authority({ conditions: [loose] })).toBe('malformed')
  })
})

test('an older version of X.509', () => {
  const older = (version: number) =>
    forge(device.der, middle, (signed) => {
      const at = signed.indexOf(Buffer.from('a003020102', 'hex'))
      signed[at + 4] = version
      return signed
    })
  expect(codeOf(judge([older(1), middle], root))).toBe('unsupported-version')
  expect(codeOf(judge([older(3), middle], root))).toBe('unsupported-version')
  expect(codeOf(judge([older(2), middle], root))).toBe('valid')
})
