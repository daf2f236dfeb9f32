import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { CERTIFICATE_SENTENCES } from '../../../node-relay/certificate/codes.ts'
import type { EvidenceDesk, EvidenceView } from '../../../node-relay/certificate/door.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { FAKE_DEVICE_ID } from '../../framework/fake-relay.ts'
import { certificateOf, createCrl, type Issued, issue, pem } from '../certificate/make-chain.ts'
import { createHome, type Home } from './context.ts'

const NOW = Date.now()
const DAY_MS = 86_400_000
const VALID = { from: NOW - 10 * DAY_MS, until: NOW + 10 * DAY_MS }
const day = (days: number) => new Date(NOW + days * DAY_MS).toISOString().slice(0, 10)

let root: Issued
let device: Issued
beforeAll(async () => {
  root = await issue({ name: [{ CN: ['Maker root'] }], ca: true, ...VALID })
  device = await issue({ name: [{ CN: ['Sensor 7'] }], issuer: root, serialNumber: '0abc', ...VALID })
})

let home: Home
beforeEach(() => {
  home = createHome()
  mkdirSync(join(home.directory, 'roots'))
  put('roots/maker.pem', pem(root.der))
  put('device.pem', pem(device.der))
})
afterEach(() => home.clear())

const put = (name: string, content: string | Uint8Array) => writeFileSync(join(home.directory, name), content)
const check = (...args: string[]) => home.run('certificate', 'check', ...args, '--roots', 'roots')

test('a good one: the verdict, its code, who issued it, and that revocation was not checked', async () => {
  const { code, out, err } = await check('device.pem')
  expect([code, err]).toEqual([0, ''])
  expect(out.split('\n').slice(0, 5)).toEqual([
    'VALID: This certificate leads to a trusted root.',
    '  Code        valid',
    '  Subject     CN=Sensor 7',
    '  Issued by   CN=Maker root',
    '  Profile     X.509 (RFC 5280)',
  ])
  expect(out).toContain('not checked: no data was given with --revocation')
})

test('for machines', async () => {
  const { code, out } = await check('device.pem', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    verdict: 'valid',
    code: 'valid',
    profile: 'x509',
    revocation: 'no-data',
    path: [{ subject: 'CN=Sensor 7', issuer: 'CN=Maker root', serialNumber: 'ABC' }, { subject: 'CN=Maker root' }],
  })
})

test('at another time', async () => {
  const early = await check('device.pem', '--at', day(-30))
  expect(early).toMatchObject({ code: 1, err: '' })
  expect(early.out).toMatch(/^REFUSED: A certificate is not valid yet\.\n {2}Code {8}not-yet-valid\n/)
  expect((await check('device.pem', '--at', `${day(30)}T12:00:00+02:00`)).out).toContain('Code        expired')
  expect((await check('device.pem', '--at', day(0))).code).toBe(0)
  for (const bad of ['yesterday', '2026-02-30', '2026-05-01T12:00', '2026-05-01 12:00Z', '1777', ''])
    expect(await check('device.pem', `--at=${bad}`)).toMatchObject({ code: 2, out: '' })
})

test('revocation: valid, revoked, stale, by another, and unreadable', async () => {
  const withCrl = async (wanted: object) => {
    const crl = await createCrl({ issuer: root, from: NOW - DAY_MS, until: NOW + DAY_MS, ...wanted })
    put('crl.pem', pem(crl, 'X509 CRL'))
    const { code, out } = await check('device.pem', '--revocation', 'crl.pem', '--json')
    const answer = JSON.parse(out) as { code: string; revocation: string }
    return [code, answer.code, answer.revocation]
  }
  expect(await withCrl({})).toEqual([0, 'valid', 'valid'])
  expect(await withCrl({ revoked: ['0abc'] })).toEqual([1, 'revoked', 'revoked'])
  expect(await withCrl({ until: NOW - 1_000 })).toEqual([1, 'revocation-stale', 'revocation-stale'])
  expect(await withCrl({ issuer: device, name: root.name })).toEqual([
    1,
    'revocation-not-trusted',
    'revocation-not-trusted',
  ])
  expect(await withCrl({ issuer: device })).toEqual([1, 'revocation-unknown', 'revocation-unknown'])
  put('crl.pem', 'hello')
  const { code, out } = await check('device.pem', '--revocation', 'crl.pem')
  expect(code).toBe(1)
  expect(out).toContain('Code        revocation-malformed')
  const old = await check('device.pem', '--revocation', 'crl.pem', '--at', day(30), '--json')
  expect(JSON.parse(old.out)).toMatchObject({ code: 'revocation-malformed' })
})

test('a Matter revocation set clears nobody until somebody says when it was fetched', async () => {
  put(
    'set.json',
    JSON.stringify([
      {
        type: 'revocation_set',
        issuer_subject_key_id: root.keyId,
        issuer_name: Buffer.from(certificateOf(root.der).subject.der).toString('base64'),
        revoked_serial_numbers: [],
        crl_signer_cert: Buffer.from(root.der).toString('base64'),
      },
    ]),
  )
  const undated = await check('device.pem', '--revocation', 'set.json')
  expect(undated.code).toBe(1)
  expect(undated.out).toContain('say when it was fetched with --fetched')
  expect((await check('device.pem', '--revocation', 'set.json', '--fetched', day(0))).code).toBe(0)
  expect((await check('device.pem', '--revocation', 'set.json', '--fetched', day(-9))).out).toContain(
    'revocation-stale',
  )
})

test('refused before revocation was looked at', async () => {
  put('crl.pem', pem(await createCrl({ issuer: root }), 'X509 CRL'))
  const { out } = await check('device.pem', '--revocation', 'crl.pem', '--at', day(30))
  expect(out).toContain('not checked: refused before')
})

test('garbage has a verdict, too', async () => {
  put('garbage', '\0\u001b[31m')
  const { code, out } = await check('garbage')
  expect(code).toBe(1)
  expect(out).toMatch(/^REFUSED: .*\n {2}Code {8}malformed\n/)
})

test('names come from strangers: nothing in them reaches the terminal as a command, and nothing fills it', async () => {
  const name = [{ CN: [`\u001b]0;x\u0007\r\nVALID: yes\u202e${'y'.repeat(500)}`] }]
  const hostile = await issue({ name, issuer: root, ...VALID })
  put('hostile.pem', pem(hostile.der))
  const { code, out } = await check('hostile.pem')
  expect(code).toBe(0)
  const subject = out.split('\n').find((line) => line.startsWith('  Subject')) ?? ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(out.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f\u202e]/)
  expect(subject.length).toBeLessThan(250)
  expect(out.split('\n').filter((line) => line.startsWith('VALID'))).toHaveLength(1)
})

test('files that are not there, and a command line that is not whole', async () => {
  expect(await check('missing.pem')).toMatchObject({ code: 1, out: '' })
  expect((await home.run('certificate', 'check', 'device.pem')).err).toBe(
    'Name the folder of trusted roots with --roots DIR.',
  )
  expect(await home.run('certificate', 'check', 'device.pem')).toMatchObject({ code: 2 })
  expect(await home.run('certificate', 'check', 'device.pem', '--roots', 'nowhere')).toMatchObject({ code: 1, out: '' })
  expect(await home.run('certificate')).toMatchObject({
    code: 2,
    err: 'Say which: "lares certificate check" or "lares certificate evidence".',
  })
})

test('each sentence is one', () => {
  for (const sentence of Object.values(CERTIFICATE_SENTENCES)) expect(sentence).toMatch(/^[A-Z].*\.$/)
})

const VIEW: EvidenceView = {
  deviceId: FAKE_DEVICE_ID,
  status: 'active',
  evidence: 'ab'.repeat(32),
  stated: { height: 7, time: Date.UTC(2026, 4, 1) },
  renewed: false,
  certifiedUntil: Date.UTC(2027, 4, 1),
  endorsers: [{ deviceId: 'LARES1ENDORSER', asked: 'shown' }],
  source: 'peer',
  verdict: 'holds',
  code: 'valid',
  detail: undefined,
  signedBlocksBefore: 4,
  path: [
    { subject: 'CN=Sensor 7', issuer: 'CN=Maker root', serialNumber: 'ABC' },
    { subject: 'CN=Maker root', issuer: 'CN=Maker root', serialNumber: '1' },
  ],
}

async function evidence(judged: Result<EvidenceView>, ...args: string[]) {
  await home.clear()
  const asked: string[] = []
  home = createHome({
    evidence: {
      async judge(id) {
        asked.push(id)
        return judged as Awaited<ReturnType<EvidenceDesk['judge']>>
      },
    },
  })
  await home.start()
  const answer = await home.run('certificate', 'evidence', FAKE_DEVICE_ID, ...args, '--data-dir', home.dataDir)
  expect(asked).toEqual([FAKE_DEVICE_ID])
  return answer
}

test('evidence that holds: who showed it, what it is, and exit code 0', async () => {
  const { code, out, err } = await evidence(accept(VIEW))
  expect([code, err]).toEqual([0, ''])
  expect(out.split('\n')).toEqual([
    'HOLDS: its certificate let it in, and still does.',
    '  Code        valid',
    `  Device ID   ${FAKE_DEVICE_ID}`,
    '  Registered  height 7, 2026-05-01 00:00:00 UTC',
    '  Signed      over a block 4 blocks before that',
    '  Good until  2027-05-01 00:00:00 UTC',
    '  Subject     CN=Sensor 7, serial number ABC',
    '  Issued by   CN=Maker root',
    `  Evidence    ${'ab'.repeat(32)}`,
    '  Shown by    another node',
    '  Endorsed by LARES1ENDORSER: shown',
  ])
  expect((await evidence(accept({ ...VIEW, renewed: true }))).out).toContain('  Renewed     height 7, 2026-05-01')
  expect((await evidence(accept({ ...VIEW, stated: undefined }))).out).not.toContain('height')
  const json = await evidence(accept(VIEW), '--json')
  expect([json.code, JSON.parse(json.out)]).toEqual([0, JSON.parse(JSON.stringify(VIEW))])
})

test.each([
  ['no-longer', 'revoked', 'NO LONGER'],
  ['does-not-fit', 'wrong-anchor', 'DOES NOT FIT'],
  ['cannot-say', 'evidence-not-here', 'CANNOT SAY'],
] as const)('evidence of which the verdict is %s: its code, and exit code 1', async (verdict, code, word) => {
  const judged = { ...VIEW, verdict, code, detail: 'this is why', source: undefined, path: [] }
  const answer = await evidence(accept(judged))
  expect([answer.code, answer.err]).toEqual([1, ''])
  for (const part of [`${word}: `, `  Code        ${code}`, '  Because     this is why', 'Shown by    nobody'])
    expect(answer.out).toContain(part)
  expect((await evidence(accept(judged), '--json')).code).toBe(1)
})

test('evidence of a device without a certificate: the sentence of the relay', async () => {
  const answer = await evidence(reject('no-certificate', 'This device came in without a certificate.'))
  expect(answer).toEqual({ code: 1, out: '', err: 'This device came in without a certificate.' })
})
