import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckedLevel, type Level } from '../../../node-relay/store/checked-level.ts'
import { asciiBytes } from '../../../shared/bytes.ts'

let location: string
beforeEach(() => {
  location = mkdtempSync(join(tmpdir(), 'lares-level-'))
})
afterEach(() => rmSync(location, { recursive: true, force: true }))

const put = (key: string, value: string) => ({ type: 'put' as const, key: asciiBytes(key), value: asciiBytes(value) })
const get = (level: CheckedLevel, key: string) => {
  const value = level.get(asciiBytes(key))
  return value && Buffer.from(value).toString()
}

describe('a batch that failed to be synced', () => {
  it('is taken back, even if its log record is found whole when the database is opened anew', async () => {
    const level = await CheckedLevel.open(location)
    await level.batch([put('a', 'old'), put('b', 'stays')])

    // LevelDB shows nothing of a batch that it could not sync, but its record may be in the log.
    const { raw } = level
    const { batch, open } = raw
    let logged: Parameters<Level['batch']> | undefined
    raw.batch = (async (...args: Parameters<Level['batch']>) => {
      logged = args
      throw Object.assign(new Error('IO error: sync: No space left on device'), { code: 'LEVEL_IO_ERROR' })
    }) as unknown as Level['batch']
    raw.open = async () => {
      await (open as () => Promise<void>).call(raw)
      raw.batch = batch
      if (logged !== undefined) await raw.batch(...logged)
    }
    await expect(
      level.batch([put('a', 'new'), put('c', 'new'), { type: 'del', key: asciiBytes('b') }]),
    ).rejects.toMatchObject({ code: 'disk-full' })
    expect(level.problem?.code).toBe('disk-full')
    expect([get(level, 'a'), get(level, 'b'), get(level, 'c')]).toEqual(['old', 'stays', undefined])

    await level.heal()
    expect(level.problem).toBeUndefined()
    expect([get(level, 'a'), get(level, 'b'), get(level, 'c')]).toEqual(['old', 'stays', undefined])
    await level.batch([put('a', 'newer')])
    await level.close()
    const again = await CheckedLevel.open(location)
    expect([get(again, 'a'), get(again, 'b'), get(again, 'c')]).toEqual(['newer', 'stays', undefined])
    await again.close()
  })
})
