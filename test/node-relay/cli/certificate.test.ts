import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { AT, type Made, makeDevice, makeIntermediate, makeRoot } from '../certificate/made-chain.ts'
import { createHome, type Home } from './context.ts'

const pem = (...made: Made[]) =>
  made
    .map(
      ({ der }) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
    .join('')

let root: Made
let intermediate: Made
let device: Made
beforeAll(async () => {
  root = await makeRoot()
  intermediate = await makeIntermediate(root)
  device = await makeDevice(intermediate)
})

let home: Home
beforeEach(() => {
  home = createHome()
  mkdirSync(join(home.directory, 'roots'))
  writeFileSync(join(home.directory, 'roots', 'root.pem'), pem(root))
  writeFileSync(join(home.directory, 'chain.pem'), pem(device, intermediate))
})
afterEach(() => home.clear())

const at = new Date(AT).toISOString()
const check = (...more: string[]) =>
  home.run('certificate', 'check', join(home.directory, 'chain.pem'), '--roots', join(home.directory, 'roots'), ...more)

it('says of a valid chain what it is, and exits with 0', async () => {
  const { code, out } = await check('--at', at)
  expect(code).toBe(0)
  expect(out).toMatch(/^Valid: .*\nProfile +Matter, vendor FFF1, product 8000\nRevocation +NOT CHECKED/)
  expect(out).toMatch(/Device +CN=Test device.*\nIssued by +CN=Test intermediate.*\nRoot +CN=Test root/)
  expect(JSON.parse((await check('--at', at, '--json')).out)).toMatchObject({
    verdict: 'valid',
    vendor: 'FFF1',
    product: '8000',
    revocation: 'not asked',
    path: [{ notAfter: expect.any(String) }, {}, {}],
  })
})

it('says of any other why, with its code, and exits with 1', async () => {
  const late = await check('--at', '2099-01-01T00:00:00Z')
  expect(late).toMatchObject({ code: 1 })
  expect(late.out).toMatch(/^Not valid \(expired\)\. A certificate has expired\.\n/)
  writeFileSync(join(home.directory, 'lists.json'), '[]')
  const open = await check('--at', at, '--revocation', join(home.directory, 'lists.json'), '--json')
  expect(open).toMatchObject({ code: 1 })
  expect(JSON.parse(open.out)).toMatchObject({ verdict: 'refused', code: 'revocation-unknown' })
  writeFileSync(join(home.directory, 'chain.pem'), 'hello')
  expect((await check('--at', at)).out).toMatch(/^Not valid \(malformed-certificate\)/)
})

it.each([
  ['no roots', ['--at', at], /--roots DIR/, 2],
  ['another moment', ['--roots', '.', '--at', 'tomorrow'], /--at must be a moment/, 2],
  ['no such folder', ['--roots', 'nowhere'], /is no folder/, 1],
] as const)('refuses %s with a sentence', async (_, more, sentence, exit) => {
  const { code, err } = await home.run('certificate', 'check', join(home.directory, 'chain.pem'), ...more)
  expect(err).toMatch(sentence)
  expect(code).toBe(exit)
})

it('refuses files that are none of what they should be', async () => {
  writeFileSync(join(home.directory, 'roots', 'other.pem'), 'hello')
  expect((await check()).err).toMatch(/other\.pem is no root certificate/)
  const missing = await home.run('certificate', 'check', 'nothing.pem', '--roots', join(home.directory, 'roots'))
  expect(missing.err).toMatch(/is no root certificate|cannot be read/)
  expect(missing.code).toBe(1)
})
