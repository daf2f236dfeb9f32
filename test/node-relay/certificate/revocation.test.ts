import 'reflect-metadata'
import { Extension, KeyUsageFlags } from '@peculiar/x509'
import { beforeAll, describe, expect, test } from 'vitest'
import { readRevocation } from '../../../node-relay/certificate/revocation.ts'
import {
  AT,
  certificateOf,
  codeOf,
  createCrl,
  forge,
  type Issued,
  issue,
  judge,
  pem,
  type WantedCrl,
} from './make-chain.ts'

const DAY_MS = 86_400_000
let root: Issued
let middle: Issued
let device: Issued
/** What the root says of the authority below it: nothing bad. */
let rootCrl: Uint8Array

beforeAll(async () => {
  root = await issue({ name: [{ CN: ['root'] }], ca: true })
  middle = await issue({ name: [{ CN: ['middle'] }], issuer: root, ca: true })
  device = await issue({ issuer: middle, serialNumber: '0abc' })
  rootCrl = await createCrl({ issuer: root })
})

/** The code of a good chain when this is the revocation data. */
function judgeWith(data: Uint8Array | string, at = AT, fetched?: number): string {
  const revocation = readRevocation(Buffer.from(data), fetched)
  return revocation.ok ? codeOf(judge([device, middle], root, { at, revocation: revocation.value })) : revocation.code
}
const crls = (...lists: Uint8Array[]) => lists.map((one) => pem(one, 'X509 CRL')).join('')
/** The same with one CRL by the device's issuer, beside the good one by the root. */
const withCrl = async (wanted: Partial<WantedCrl>) =>
  judgeWith(crls(rootCrl, await createCrl({ issuer: middle, ...wanted })))

describe('revocation lists (CRLs)', () => {
  test('valid, revoked, stale', async () => {
    expect(await withCrl({})).toBe('valid')
    expect(await withCrl({ revoked: ['0def'] })).toBe('valid')
    expect(await withCrl({ revoked: ['0abc'] })).toBe('revoked')
    expect(await withCrl({ from: AT - 2 * DAY_MS, until: AT - DAY_MS })).toBe('revocation-stale')
    expect(await withCrl({ from: AT + DAY_MS, until: AT + 2 * DAY_MS })).toBe('revocation-stale')
    expect(await withCrl({ until: undefined })).toBe('revocation-stale')
    expect(await withCrl({ from: AT, until: AT })).toBe('valid')
  })

  test('an old one still revokes', async () => {
    expect(await withCrl({ revoked: ['0abc'], from: AT - 2 * DAY_MS, until: AT - DAY_MS })).toBe('revoked')
  })

  test('an old one does not spoil a fresh one', async () => {
    const [old, fresh] = [await createCrl({ issuer: middle, until: AT - 1_000 }), await createCrl({ issuer: middle })]
    expect(judgeWith(crls(old, rootCrl, fresh))).toBe('valid')
  })

  test('an authority that is revoked', async () => {
    const serial = certificateOf(middle.der).serialNumber
    const above = await createCrl({
      issuer: root,
      revoked: [serial.padStart(serial.length + (serial.length % 2), '0')],
    })
    expect(judgeWith(crls(above, await createCrl({ issuer: middle })))).toBe('revoked')
    // Nothing is known of the device, and it is revoked all the same.
    expect(judgeWith(crls(above))).toBe('revoked')
  })

  test('nothing about an issuer', async () => {
    expect(judgeWith(crls(rootCrl))).toBe('revocation-unknown')
    expect(judgeWith(crls(await createCrl({ issuer: middle })))).toBe('revocation-unknown')
  })

  test('signed by another', async () => {
    expect(await withCrl({ issuer: root, name: middle.name })).toBe('revocation-not-trusted')
    // Nor does a stranger revoke anything.
    expect(await withCrl({ issuer: root, name: middle.name, revoked: ['0abc'] })).toBe('revocation-not-trusted')
  })

  test('signed by an authority that may not sign lists', async () => {
    const other = await issue({ name: [{ CN: ['other'] }], issuer: root, ca: true, usages: KeyUsageFlags.keyCertSign })
    const below = await issue({ issuer: other })
    const lists = readRevocation(Buffer.from(crls(rootCrl, await createCrl({ issuer: other }))), undefined)
    const revocation = lists.ok ? lists.value : []
    expect(codeOf(judge([below, other], root, { revocation }))).toBe('revocation-not-trusted')
  })

  test('with a critical extension: of another kind than is read here', async () => {
    const critical = new Extension('2.5.29.28', true, Buffer.from('3000', 'hex'))
    expect(await withCrl({ more: [critical] })).toBe('revocation-malformed')
    expect(await withCrl({ revoked: ['0def'], entryExtensions: [critical] })).toBe('revocation-malformed')
    const harmless = new Extension('2.5.29.20', false, Buffer.from('020101', 'hex'))
    expect(await withCrl({ more: [harmless] })).toBe('valid')
  })

  test('as DER, and altered', async () => {
    const only = await issue({ issuer: root })
    const lists = readRevocation(rootCrl, undefined)
    expect(codeOf(judge([only], root, { revocation: lists.ok ? lists.value : [] }))).toBe('valid')
    for (let index = 0; index < rootCrl.length; index++) {
      const altered = Uint8Array.from(rootCrl)
      altered[index] = (altered[index] ?? 0) ^ 1
      const read = readRevocation(altered, undefined)
      if (read.ok) expect(codeOf(judge([only], root, { revocation: read.value }))).not.toBe('valid')
    }
  })

  test('of version 1, which has no extensions', () => {
    const older = forge(rootCrl, root, (signed) => {
      signed[signed.indexOf(Buffer.from('020101', 'hex')) + 2] = 0
      return signed
    })
    expect(judgeWith(crls(older))).toBe('revocation-malformed')
  })

  test('garbage', () => {
    for (const garbage of ['', '[]', '[{}]', 'hello', '{}', '[1', crls(rootCrl).slice(0, 200), pem(rootCrl)])
      expect(judgeWith(garbage)).toBe('revocation-malformed')
    // One block that cannot be read may be the one that revokes.
    expect(judgeWith(crls(rootCrl, Buffer.from('3000', 'hex')))).toBe('revocation-malformed')
    expect(judgeWith(new Uint8Array(4 * 1024 * 1024 + 1))).toBe('revocation-malformed')
  })

  test('of another root of the same name are not mixed up', async () => {
    const twin = await issue({ name: root.name, ca: true })
    expect(judgeWith(crls(await createCrl({ issuer: twin }), await createCrl({ issuer: middle })))).toBe(
      'revocation-not-trusted',
    )
  })
})

describe('Matter revocation sets', () => {
  const entry = (issuer: Issued, more: object = {}) => ({
    type: 'revocation_set',
    issuer_subject_key_id: issuer.keyId.toUpperCase(),
    issuer_name: Buffer.from(certificateOf(issuer.der).subject.der).toString('base64'),
    revoked_serial_numbers: [] as string[],
    crl_signer_cert: Buffer.from(issuer.der).toString('base64'),
    ...more,
  })
  const judgeSet = (entries: readonly object[], fetched: number | undefined = AT - DAY_MS, at = AT) =>
    judgeWith(JSON.stringify(entries), at, fetched)

  test('valid, revoked, stale', () => {
    expect(judgeSet([entry(root), entry(middle)])).toBe('valid')
    expect(judgeSet([entry(root), entry(middle, { revoked_serial_numbers: ['0ABC'] })])).toBe('revoked')
    expect(judgeSet([entry(root), entry(middle)], AT - 8 * DAY_MS)).toBe('revocation-stale')
    expect(judgeSet([entry(root), entry(middle)], AT + DAY_MS)).toBe('revocation-stale')
  })

  test('without a date: it revokes, and clears nobody', () => {
    expect(judgeWith(JSON.stringify([entry(root), entry(middle)]))).toBe('revocation-stale')
    expect(judgeWith(JSON.stringify([entry(root), entry(middle, { revoked_serial_numbers: ['0abc'] })]))).toBe(
      'revoked',
    )
  })

  test('nothing about an issuer', () => {
    expect(judgeSet([entry(middle)])).toBe('revocation-unknown')
    expect(judgeSet([entry(root)])).toBe('revocation-unknown')
  })

  test('signed by another, or of another key', () => {
    const signer = { crl_signer_cert: Buffer.from(root.der).toString('base64') }
    expect(judgeSet([entry(root), entry(middle, signer)])).toBe('revocation-not-trusted')
    expect(judgeSet([entry(root), entry(middle, { issuer_subject_key_id: '0102' })])).toBe('revocation-not-trusted')
  })

  test.each([
    { type: 'other' },
    { issuer_subject_key_id: 'xyz' },
    { issuer_name: 5 },
    { revoked_serial_numbers: '0ABC' },
    { revoked_serial_numbers: ['0ABC', 7] },
    { crl_signer_cert: '' },
    { crl_signer_cert: undefined },
  ])('garbage: %o', (more) => {
    expect(judgeSet([entry(root), entry(middle, more)])).toBe('revocation-malformed')
  })
})
