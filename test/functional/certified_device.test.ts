/**
 * A board with a certificate of its maker comes in by the command line: the owner trusts the root, the relay has revocation
 * data, the certified key signs. What is revoked, badly made, or of a root that nobody trusts stays out, with its code. Who is in
 * renews. A second relay is shown the evidence once it has a seat, and judges it again.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EvidenceView } from '../../node-relay/certificate/door.ts'
import type { DeviceRow } from '../../node-relay/facade.ts'
import { runBoard } from '../framework/board.ts'
import {
  hasMatter,
  MATTER_ABSENT,
  matterDevice,
  nothingRevoked,
  REVOCATION_FILE,
  ROOT_FILE,
} from '../framework/certified-device.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { eventually } from '../framework/network.ts'
import {
  lares,
  laresWith,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'
import { pem } from '../node-relay/certificate/make-chain.ts'

const MINUTE_MS = 60_000
const GOOD = ['struct_dac_cert_version_v3', 'struct_dac_vidpid_fallback_encoding_03'] as const

describe.skipIf(!hasMatter)(`devices with Matter certificates${MATTER_ABSENT}`, () => {
  let relay: RelayProcess
  let folder: string
  const file = (name: string) => join(folder, name)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lares-certified-'))
    const chains = [...GOOD, 'struct_dac_ext_basic_ca_wrong', 'struct_dac_sig_curve_secp256k1'].map(
      (name) => matterDevice(name).chain,
    )
    writeFileSync(file('nothing.json'), nothingRevoked(chains))
    writeFileSync(file('revoked.json'), readFileSync(REVOCATION_FILE))
    const fixed = await fixedPortFlags()
    // On loopback there is nothing that a relay would publish by itself.
    const announce = `/ip4/127.0.0.1/tcp/${fixed[fixed.indexOf('--tcp-port') + 1]}`
    const flags = [...fixed, '--announce', announce, '--mine-share', '0.3', '--revocation', folder]
    relay = await startRelayProcess({ flags })
  }, 2 * MINUTE_MS)
  afterAll(async () => {
    await relay?.stop()
    if (relay !== undefined) await removeDataDir(relay.dataDir)
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  /** In a folder beside that of the revocation data, which may hold nothing else. */
  async function board(name: string, renews = false) {
    const place = mkdtempSync(join(tmpdir(), 'lares-board-'))
    try {
      const { chain, privateKey } = matterDevice(name)
      writeFileSync(join(place, 'chain.pem'), chain.map((der) => pem(der)).join(''))
      writeFileSync(join(place, 'key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
      const key = join(place, 'sensor.key')
      await runBoard(place, 'keygen', '--out', key)
      const certificate = ['--certificate', join(place, 'chain.pem'), '--certificate-key', join(place, 'key.pem')]
      const at = ['--key', key, '--relay', relay.localUrl]
      const joined = await runBoard(place, 'join', ...at, ...certificate)
      return { ...joined, renewed: renews ? await runBoard(place, 'renew', ...at, ...certificate) : undefined }
    } finally {
      rmSync(place, { recursive: true })
    }
  }

  it('come in once the owner trusts their root, and no longer when he does not', {
    timeout: 5 * MINUTE_MS,
  }, async () => {
    expect(await board(GOOD[0])).toMatchObject({ code: 1, stderr: expect.stringContaining('do not trust the root') })
    const words = ownerWords(relay)
    const thief = 'legal winner thank year wave sausage worth useful legal winner thank yellow'
    const refused = await laresWith(thief, relay.dataDir, 'policy', 'trust', ROOT_FILE, '--yes')
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was changed') })
    const trusted = await laresWith(words, relay.dataDir, 'policy', 'trust', ROOT_FILE, '--yes')
    expect(trusted).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/Policy 1\n[\s\S]*1 root/) })
    const again = await laresWith(words, relay.dataDir, 'policy', 'trust', ROOT_FILE, '--yes')
    expect(again.stderr).toContain('trusted already')

    for (const name of GOOD) {
      const joined = await board(name, true)
      expect(joined.renewed).toMatchObject({ code: 0, stdout: expect.stringContaining('is good until'), stderr: '' })
      expect(joined).toMatchObject({ code: 0, stdout: expect.stringContaining('is registered') })
      expect(joined.stderr).toMatch(/^The price is 1 \(base 1 × pressure 1 × faults 1\)[^\n]*$/)
      const [deviceId = ''] = joined.stdout.split('\n')
      const audit = await lares(relay.dataDir, 'audit', deviceId, '--json')
      const certifiedUntil = expect.any(Number)
      expect(JSON.parse(audit.stdout)).toMatchObject({ verdict: 'registered', assurance: 'A2', certifiedUntil })
    }
    expect(await board(GOOD[0])).toMatchObject({ code: 1, stderr: expect.stringContaining('has a live ID') })
    for (const [name, sentence] of [
      ['revoked-dac-01', 'has been revoked'],
      ['struct_dac_ext_basic_ca_wrong', 'is one of an authority'],
      ['struct_dac_valid_in_past', 'has expired'],
      ['struct_dac_sig_curve_secp256k1', 'elliptic curve'],
    ] as const)
      expect(await board(name)).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) })

    const distrusted = await laresWith(words, relay.dataDir, 'policy', 'distrust', ROOT_FILE, '--yes')
    expect(distrusted).toMatchObject({ code: 0, stdout: expect.stringMatching(/Policy 2\n[\s\S]*nobody joins/) })
    expect(await board(GOOD[1])).toMatchObject({ code: 1, stderr: expect.stringContaining('do not trust the root') })
  })

  it('are judged again by another full node, which the endorser shows what it keeps, and nobody else', {
    timeout: 5 * MINUTE_MS,
  }, async () => {
    const words = ownerWords(relay)
    const devices = JSON.parse((await lares(relay.dataDir, 'devices', '--json')).stdout) as DeviceRow[]
    const certified = devices.find(({ assurance }) => assurance === 'A2')?.deviceId ?? ''
    const evidence = async (of: RelayProcess, id = certified) => {
      const { code, stdout, stderr } = await lares(of.dataDir, 'certificate', 'evidence', id, '--json')
      return { code, stderr, view: (stdout === '' ? undefined : JSON.parse(stdout)) as EvidenceView | undefined }
    }
    const own = { source: 'own', renewed: true }
    const distrusted = { ...own, verdict: 'no-longer', code: 'untrusted-root' }
    expect(await evidence(relay)).toMatchObject({ code: 1, view: distrusted })
    expect((await laresWith(words, relay.dataDir, 'policy', 'trust', ROOT_FILE, '--yes')).code).toBe(0)
    const first = await evidence(relay)
    expect(first).toMatchObject({ code: 0, view: { ...own, verdict: 'holds', code: 'valid' } })

    // It has the chain, and revocation data of its own.
    const lists = mkdtempSync(join(tmpdir(), 'lares-lists-'))
    const second = await startRelayProcess({
      flags: ['--join', relay.joinUrl, '--mine-share', '0.3', '--revocation', lists],
    })
    try {
      const refused = { verdict: 'cannot-say', code: 'evidence-not-here', endorsers: [{ asked: 'not-a-member' }] }
      const stranger = await eventually('it has the blocks', async () => {
        const answer = await evidence(second)
        return answer.view === undefined ? undefined : answer
      })
      expect(stranger).toMatchObject({ code: 1, view: refused })

      const { text } = await newVoucher(relay.dataDir)
      const proposed = await lares(second.dataDir, 'roster', 'propose', '--voucher', text)
      const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1] ?? proposed.stderr
      const seated = await laresWith(words, relay.dataDir, 'roster', 'submit', motion, '--yes')
      expect(seated).toMatchObject({ code: 0, stdout: expect.stringMatching(/2 seats/) })

      const shown = await eventually('the endorser shows it', async () => {
        const answer = await evidence(second)
        return answer.view?.source === 'peer' ? answer : undefined
      })
      const unknown = { verdict: 'cannot-say', code: 'revocation-unknown', endorsers: [{ asked: 'shown' }] }
      expect(shown).toMatchObject({ code: 1, view: unknown })
      const list = readFileSync(file('nothing.json'), 'utf8')
      writeFileSync(join(lists, 'list.json'), list)
      const good = await evidence(second)
      expect(good).toMatchObject({
        code: 0,
        view: { source: 'peer', renewed: true, verdict: 'holds', path: first.view?.path },
      })
      const serial = good.view?.path[0]?.serialNumber as string
      writeFileSync(
        join(lists, 'list.json'),
        list.replaceAll('"revoked_serial_numbers":[]', `"revoked_serial_numbers":["${serial}"]`),
      )
      expect(await evidence(second)).toMatchObject({ code: 1, view: { verdict: 'no-longer', code: 'revoked' } })
      const relays = devices.find(({ assurance }) => assurance === 'A1')?.deviceId as string
      expect(await evidence(second, relays)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('without a certificate'),
      })
    } finally {
      await second.stop()
      await removeDataDir(second.dataDir)
      rmSync(lists, { recursive: true })
    }
  })
})
