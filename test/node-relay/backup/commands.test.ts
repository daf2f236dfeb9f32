/** `lares backup` and `lares restore` at the command line, with a stopped relay and with one whose node is made up. */
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adminSocketPath } from '../../../node-relay/http/admin-socket.ts'
import { LaresError } from '../../../shared/errors.ts'
import { createHome, type Home } from '../cli/context.ts'
import { contentOf } from './forge.ts'
import { type BackupHome, createBackupHome, filesOf } from './home.ts'

let relay: BackupHome
let home: Home
beforeEach(async () => {
  relay = await createBackupHome()
  home = createHome()
})
afterEach(async () => {
  await home.clear()
  relay.clear()
})

const at = (...args: string[]) => [...args, '--data-dir', relay.dataDir]

describe('with a stopped relay', () => {
  it('there and back, and says what it is and what comes next', async () => {
    const { code, out } = await home.run(...at('backup', '--out', 'relay.backup'))
    expect(out).toMatch(/relay\.backup: 0\.0 MB, 7 files and \d+ records, blocks 0 to 5, .* UTC\. It was read back/)
    expect(out).toMatch(/holds the relay's keys: .* or use --encrypt\./)
    expect(code).toBe(0)
    expect(statSync(join(home.directory, 'relay.backup')).mode & 0o777).toBe(0o600)
    const restored = await home.run('restore', 'relay.backup', '--data-dir', 'there')
    expect(restored.err).toBe('')
    expect(restored.out).toMatch(/Start the relay \(npm start\); .* seals nothing until you run "lares recover"/)
    expect(restored.out).toMatch(/must never run again beside it/)
    expect(filesOf(join(home.directory, 'there'))['keys.json']).toEqual(filesOf(relay.dataDir)['keys.json'])
    // And it is a relay whose database others can look at.
    expect(await home.run('db', 'verify', '--data-dir', 'there')).toMatchObject({ code: 0 })
  })

  it('with a passphrase from a file, or typed twice', async () => {
    writeFileSync(join(home.directory, 'phrase'), 'five words that are good\r\n')
    const { code, out } = await home.run(...at('backup', '--out', 'b', '--passphrase-file', 'phrase'))
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/without the passphrase/) })
    expect(await home.run('restore', 'b', '--data-dir', 'there')).toMatchObject({
      code: 2,
      err: 'This backup is protected by a passphrase; pass it with --passphrase-file FILE.',
    })
    const answers = ['five words that are bad', 'five words that are good']
    const restore = () => home.answering(async () => answers.shift() ?? '', 'restore', 'b', '--data-dir', 'there')
    expect(await restore()).toMatchObject({ code: 1, err: expect.stringMatching(/not the passphrase/) })
    expect(await restore()).toMatchObject({ code: 0 })

    const typed = ['twice the same words', 'twice the same worbs', 'twice the same words', 'twice the same words']
    const encrypt = () => home.answering(async () => typed.shift() ?? '', ...at('backup', '--out', 'c', '--encrypt'))
    expect(await encrypt()).toMatchObject({ code: 1, err: expect.stringMatching(/two different/) })
    expect(existsSync(join(home.directory, 'c'))).toBe(false)
    expect(await encrypt()).toMatchObject({ code: 0 })
    expect(await home.run(...at('backup', '--out', 'd', '--encrypt'))).toMatchObject({ code: 2 })
  }, 60_000)

  it('says in a sentence what is not possible', async () => {
    writeFileSync(join(home.directory, 'notes.txt'), 'of mine')
    symlinkSync(relay.dataDir, join(home.directory, 'link'))
    const cases: [string[], RegExp][] = [
      [at('backup'), /lares backup --out FILE/],
      [at('backup', '--out', join(relay.dataDir, 'tls', 'b')), /is in the data folder, and would be lost with it/],
      [['backup', '--out', 'b', '--data-dir', 'nowhere'], /There is no relay in/],
      [at('backup', '--out', 'no/such/folder/b'), /There is no such place/],
      [at('backup', '--out', '.'), /is a folder; name a file in it/],
      [at('backup', '--out', 'notes.txt'), /is there already and is not a backup/],
      [at('backup', '--out', join('link', 'b')), /is in the data folder, and would be lost with it/],
      [at('backup', '--out', join(relay.dataDir, '..b')), /is in the data folder, and would be lost with it/],
      [at('backup', '--out', 'b', '--passphrase-file', 'none'), /cannot be read/],
      [['restore', 'none', '--data-dir', 'there'], /There is no such place/],
      [['restore', '.', '--data-dir', 'there'], /is not a backup/],
      [['restore'], /lares restore FILE/],
    ]
    for (const [args, sentence] of cases) {
      const { code, err } = await home.run(...args)
      expect(code, args.join(' ')).not.toBe(0)
      expect(err, args.join(' ')).toMatch(sentence)
      expect(err).not.toMatch(/should not/)
    }
    expect(readdirSync(home.directory).sort()).toEqual(['link', 'notes.txt'])
    expect(readFileSync(join(home.directory, 'notes.txt'), 'utf8')).toBe('of mine')
    expect(existsSync(join(relay.directory, 'nowhere'))).toBe(false)
  })

  it.runIf(process.getuid?.() !== 0)('a folder that cannot be written', async () => {
    mkdirSync(join(home.directory, 'closed'), { mode: 0o500 })
    expect(await home.run(...at('backup', '--out', 'closed/b'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot be written .* No backup was written\./),
    })
  })
})

describe('with a running relay', () => {
  const running = async (backup: () => Promise<AsyncGenerator<Uint8Array, void>>) => {
    await home.clear()
    home = createHome({ backup })
    return await home.start()
  }
  const out = () => join(relay.directory, 'out')
  const run = () => home.run('backup', '--out', out(), '--data-dir', home.dataDir)
  const content = () => contentOf(readFileSync(relay.path('whole')))

  it('the command writes what the relay sends', async () => {
    await relay.backup('whole')
    await running(async () =>
      (async function* () {
        for (let at = 0; at < content().length; at += 1_000) yield content().subarray(at, at + 1_000)
      })(),
    )
    expect(await run()).toMatchObject({ code: 0, err: '' })
    expect(contentOf(readFileSync(out()))).toEqual(content())
  })

  it('passes on why the relay cannot', async () => {
    await running(() => Promise.reject(new LaresError('database-damaged', 'The database is damaged.')))
    expect(await run()).toMatchObject({ code: 1, err: 'The database is damaged.' })
    expect(existsSync(out())).toBe(false)
  })

  it('one at a time; a relay that stops in the middle leaves no file, and does not wait', async () => {
    let asked = () => {}
    const begun = new Promise<void>((resolve) => {
      asked = resolve
    })
    const started = await running(async () =>
      (async function* () {
        yield Buffer.alloc(1_000)
        asked()
        await new Promise(() => {})
      })(),
    )
    const first = run()
    await begun
    expect(await run()).toMatchObject({ code: 1, err: 'A backup of this relay is being made already.' })
    expect(await started.stop()).toBe(0)
    expect(await first).toMatchObject({ code: 1, err: expect.stringMatching(/The relay ended in the middle/) })
    expect(readdirSync(relay.directory).filter((name) => name.startsWith('out'))).toEqual([])
  })

  it('goes on with the next when an asker is gone', async () => {
    await relay.backup('whole')
    let given = 0
    let freed: () => void = () => {}
    const gone = new Promise<void>((resolve) => {
      freed = resolve
    })
    await running(async () =>
      (async function* () {
        try {
          if (given++ === 0) for (;;) yield Buffer.alloc(64 * 1024)
          yield content()
        } finally {
          freed()
        }
      })(),
    )
    const socket = connect(adminSocketPath(home.dataDir))
    socket.write('GET /backup HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await gone
    await expect.poll(async () => (await run()).code, { timeout: 10_000 }).toBe(0)
  })

  it('a lock without a relay that answers', async () => {
    writeFileSync(join(relay.dataDir, 'lock'), JSON.stringify({ pid: process.ppid }))
    expect(await home.run(...at('backup', '--out', out()))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/does not answer; try again/),
    })
    rmSync(join(relay.dataDir, 'lock'))
  })
})
