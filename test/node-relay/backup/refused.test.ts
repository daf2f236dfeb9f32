/** Damaged, forged, foreign and misplaced backups are refused in a sentence, and nothing is left of the attempt. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createBackupKey } from '../../../node-relay/backup/passphrase-key.ts'
import { openBackup } from '../../../node-relay/backup/read-backup.ts'
import { acquireLock } from '../../../node-relay/lock.ts'
import { LaresError } from '../../../shared/errors.ts'
import { contentOf, endFrame, fileFrame, forgeFile, manifestFrame, rehash } from './forge.ts'
import { type BackupHome, CREATED_AT, createBackupHome, filesOf } from './home.ts'

const PASSPHRASE = 'a passphrase of some length'
/** Positions tried of each file; all of them where it has no more. */
const SAMPLES = 1_000
const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)

let home: BackupHome
let good: Buffer
let locked: Buffer
beforeAll(async () => {
  console.log(`seed ${seed}`)
  home = await createBackupHome()
  await home.backup('b')
  good = readFileSync(home.path('b'))
  await home.backup('locked', { key: await createBackupKey(PASSPHRASE) })
  locked = readFileSync(home.path('locked'))
}, 60_000)
afterAll(() => home.clear())
afterEach(() => expect(readdirSync(home.directory).filter((name) => /restoring|\.part$|^new/.test(name))).toEqual([]))

const code = (expected: string) => expect.objectContaining({ name: 'LaresError', code: expected })
let state = seed
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state % below
}
const positions = (length: number) =>
  length <= SAMPLES
    ? Array.from({ length }, (_, i) => i)
    : [
        ...Array.from({ length: 100 }, (_, i) => [i, length - 1 - i]).flat(),
        ...Array.from({ length: SAMPLES }, () => random(length)),
      ]

/** Restores from bytes. */
async function restore(bytes: Uint8Array, to = 'new', passphrase?: string) {
  writeFileSync(home.path('tried'), bytes)
  return await home.restore('tried', to, passphrase)
}

describe('a file that is not what was written', () => {
  it.each([
    ['plain', () => good],
    ['protected', () => locked],
  ])(
    '%s: one flipped bit anywhere, and it is refused',
    async (_, file) => {
      writeFileSync(home.path('tried'), file())
      expect((await openBackup(home.path('tried'))).hash.length).toBe(32)
      for (const position of positions(file().length)) {
        const bytes = Buffer.from(file())
        bytes[position] = (bytes[position] as number) ^ (1 << random(8))
        writeFileSync(home.path('tried'), bytes)
        const outcome = await openBackup(home.path('tried')).catch((error: unknown) => error)
        expect(outcome, `position ${position}`).toBeInstanceOf(LaresError)
        expect((outcome as LaresError).code, `position ${position}`).toMatch(
          /^(backup-damaged|backup-newer|not-a-backup)$/,
        )
      }
    },
    120_000,
  )

  it('cut off anywhere, it is refused', async () => {
    for (const length of [...positions(good.length).slice(0, 300), 0, good.length - 1]) {
      writeFileSync(home.path('tried'), good.subarray(0, length))
      await expect(openBackup(home.path('tried')), `length ${length}`).rejects.toBeInstanceOf(LaresError)
    }
  })

  it('is refused with more at its end, from a newer Lares, or of another kind', async () => {
    await expect(restore(Buffer.concat([good, Buffer.alloc(1)]))).rejects.toEqual(code('backup-damaged'))
    await expect(restore(rehash(Buffer.concat([good, Buffer.alloc(40)])))).rejects.toEqual(code('backup-damaged'))
    await expect(restore(forgeFile(contentOf(good), 2))).rejects.toEqual(code('backup-newer'))
    await expect(restore(forgeFile(contentOf(good), 0))).rejects.toEqual(code('backup-damaged'))
    await expect(restore(forgeFile(contentOf(good), 1, 2))).rejects.toEqual(code('backup-damaged'))
    await expect(restore(Buffer.from('PK, a file of something else, and long enough'))).rejects.toEqual(
      code('not-a-backup'),
    )
    await expect(home.restore('nowhere', 'new')).rejects.toEqual(code('no-such-place'))
    await expect(home.restore('data', 'new')).rejects.toBeInstanceOf(LaresError)
  })

  it('protected, and then changed by somebody who makes the hash fit: the key refuses it', async () => {
    const wrong = Buffer.from(locked)
    wrong[wrong.length - 100] = (wrong[wrong.length - 100] as number) ^ 1
    await expect(restore(rehash(wrong), 'new', PASSPHRASE)).rejects.toEqual(code('backup-damaged'))
    // The tag alone.
    const tag = Buffer.from(locked)
    tag[tag.length - 40] = (tag[tag.length - 40] as number) ^ 1
    await expect(restore(rehash(tag), 'new', PASSPHRASE)).rejects.toEqual(code('backup-damaged'))
  }, 60_000)
})

describe('a forged file', () => {
  const manifest = () => ({
    createdAt: CREATED_AT,
    networkId: home.builder.networkId,
    tip: { height: 0, hash: home.builder.networkId, time: 0 },
    settled: { height: 0, hash: home.builder.networkId, time: 0 },
    version: '1',
  })

  it.each([
    '../outside',
    '/tmp/outside',
    'tls/../../outside',
    'tls/../lock',
    'chain/CURRENT',
    'chain',
    'lock',
    'a//b',
    './a',
    'tls/',
    '',
    'C:outside',
    'a\\..\\..\\outside',
    'nul\u0000',
    'a/b/c/d/e/f/g/h/i',
    'x'.repeat(256),
    'CONFIG.json',
  ])('puts nothing at %j', async (path) => {
    const content = Buffer.concat([
      manifestFrame(manifest()),
      fileFrame('config.json', '{}'),
      fileFrame(path, 'bad'),
      fileFrame('keys.json', '{}'),
      fileFrame('lares.json', '{}'),
      endFrame(4, 0),
    ])
    await expect(restore(forgeFile(content))).rejects.toMatchObject({
      code: 'backup-damaged',
      message: expect.stringContaining('a file in it has no place in a data folder'),
    })
    expect(existsSync(home.path('outside'))).toBe(false)
    expect(existsSync('/tmp/outside')).toBe(false)
  })

  it('with lengths beyond every bound is not believed', async () => {
    const start = manifestFrame(manifest())
    const cases: [string, Buffer][] = [
      ['a file of 4294967295 bytes', Buffer.concat([start, fileFrame('keys.json', 'x', 0xffff_ffff)])],
      ['it ends in the middle', Buffer.concat([start, fileFrame('keys.json', 'x', 1_000)])],
      ['a key of 65 bytes', Buffer.concat([start, Uint8Array.of(0x52, 65), Buffer.alloc(100)])],
      ['a record of 4294967295', Buffer.concat([start, Buffer.from('R\x01m'), Buffer.alloc(4, 0xff), Buffer.alloc(9)])],
      ['parts are missing', Buffer.concat([start, endFrame(1, 0)])],
      ['lares.json is not in it', Buffer.concat([start, endFrame(0, 0)])],
      ['something follows', Buffer.concat([start, endFrame(0, 0), Buffer.alloc(1)])],
      ['a manifest of 65535 bytes', Buffer.of(0x4d, 0xff, 0xff)],
      ['of no known kind', Buffer.concat([start, Buffer.from('X')])],
      ['it ends in the middle', start],
      ['it ends in the middle', Buffer.alloc(0)],
    ]
    for (const [message, content] of cases)
      await expect(restore(forgeFile(content)), message).rejects.toMatchObject({
        code: 'backup-damaged',
        message: expect.stringContaining(message),
      })
  })

  it('with any bit of its content flipped leads to the same chain, or is refused', async () => {
    const content = contentOf(good)
    let refused = 0
    for (let round = 0; round < 25; round++) {
      const bytes = Buffer.from(content)
      const position = random(bytes.length)
      bytes[position] = (bytes[position] as number) ^ (1 << random(8))
      const to = `tampered-${round}`
      const outcome = await restore(forgeFile(bytes), to).catch((error: unknown) => error)
      if (outcome instanceof Error) {
        refused++
        expect(outcome, `position ${position}`).toBeInstanceOf(LaresError)
        expect(existsSync(home.path(to))).toBe(false)
      }
    }
    expect(refused).toBeGreaterThan(15)
  }, 60_000)
})

describe('a place that is not free', () => {
  it('is left as it is', async () => {
    mkdirSync(home.path('full'))
    writeFileSync(home.path('full/mine'), 'mine')
    await expect(home.restore('b', 'full')).rejects.toEqual(code('data-dir-not-empty'))
    expect(readdirSync(home.path('full'))).toEqual(['mine'])
    await expect(home.restore('b', 'full/mine')).rejects.toEqual(code('data-dir-not-empty'))
    const before = filesOf(home.dataDir)
    await expect(home.restore('b', 'data')).rejects.toEqual(code('data-dir-not-empty'))
    expect(filesOf(home.dataDir)).toEqual(before)
  })

  it('of another network says so', async () => {
    mkdirSync(home.path('other'))
    writeFileSync(home.path('other/lares.json'), '{"kind":"lares-relay","format":1}')
    writeFileSync(home.path('other/relay.json'), JSON.stringify({ networkId: '00'.repeat(32) }))
    await expect(home.restore('b', 'other')).rejects.toEqual(code('other-network'))
    expect(readdirSync(home.path('other')).length).toBe(2)
  })

  it('but empty, or a link to what is empty, is taken', async () => {
    mkdirSync(home.path('empty'))
    await home.restore('b', 'empty')
    expect(filesOf(home.path('empty'))['keys.json']).toBeDefined()
    mkdirSync(home.path('deep/er'), { recursive: true })
    symlinkSync(home.path('deep/er'), home.path('link'))
    await home.restore('b', 'link')
    expect(filesOf(home.path('deep/er'))['keys.json']).toBeDefined()
    await home.restore('b', 'absent/deeper/still')
    expect(filesOf(home.path('absent/deeper/still'))['keys.json']).toBeDefined()
  })

  it('has a stranger, or another restore, beside it: neither is touched', async () => {
    mkdirSync(home.path('a.restoring'))
    writeFileSync(home.path('a.restoring/mine'), 'mine')
    await expect(home.restore('b', 'a')).rejects.toEqual(code('data-dir-not-empty'))
    expect(readdirSync(home.path('a.restoring'))).toEqual(['mine'])
    mkdirSync(home.path('c.restoring'))
    const lock = acquireLock(home.path('c.restoring/lock'))
    await expect(home.restore('b', 'c')).rejects.toEqual(code('restore-running'))
    expect(readdirSync(home.path('c.restoring'))).toEqual(['lock'])
    // What a killed one has left is cleared.
    if (lock.ok) lock.value.release()
    // The second was killed while it took the lock of another killed one over.
    for (const [target, lockName] of [
      ['c', 'lock'],
      ['d', 'lock.0123456789ab.stale'],
    ] as const) {
      mkdirSync(home.path(`${target}.restoring`), { recursive: true })
      writeFileSync(home.path(`${target}.restoring/${lockName}`), '{"pid":999999999}')
      writeFileSync(home.path(`${target}.restoring/keys.json`), 'half')
      await home.restore('b', target)
      expect(filesOf(home.path(target))).toEqual(filesOf(home.path('empty')))
      expect(existsSync(home.path(`${target}.restoring`))).toBe(false)
    }
    for (const name of ['a.restoring']) rmAll(name)
  })
})

describe('a backup that cannot be written', () => {
  it('leaves the old one as it is', async () => {
    const old = readFileSync(home.path('b'))
    const failing = (async function* () {
      yield contentOf(good).subarray(0, 1_000)
      throw new LaresError('relay-ended', 'The relay ended.')
    })()
    await expect(home.backup('b', { content: failing })).rejects.toEqual(code('relay-ended'))
    const cut = (async function* () {
      yield contentOf(good).subarray(0, 1_000)
    })()
    await expect(home.backup('b', { content: cut })).rejects.toEqual(code('backup-damaged'))
    await expect(home.backup('b', { signal: AbortSignal.abort() })).rejects.toEqual(code('interrupted'))
    expect(readFileSync(home.path('b'))).toEqual(old)
    await expect(home.backup('nowhere/b')).rejects.toEqual(code('no-such-place'))
    expect(readdirSync(home.directory).filter((name) => name.startsWith('b'))).toEqual(['b'])
  })

  it('clears what killed ones have left, and nothing else', async () => {
    for (const name of ['z.999999999.part', `z.${process.ppid}.part`, 'z.txt.part', 'y.999999999.part'])
      writeFileSync(home.path(name), '')
    await home.backup('z')
    const left = readdirSync(home.directory).filter((name) => /^[yz]/.test(name))
    expect(left.sort()).toEqual(['y.999999999.part', 'z', `z.${process.ppid}.part`, 'z.txt.part'])
    for (const name of left) rmAll(name)
  })

  it('without the keys is none', async () => {
    const path = join(home.dataDir, 'keys.json')
    const keys = readFileSync(path)
    rmAll('data/keys.json')
    await expect(home.backup('without')).rejects.toEqual(code('backup-incomplete'))
    writeFileSync(path, keys, { mode: 0o600 })
    expect(existsSync(home.path('without'))).toBe(false)
  })
})

function rmAll(name: string): void {
  rmSync(home.path(name), { recursive: true, force: true })
}
