/** A disk that is full, or cannot be written: a sentence, no half file, and the older backup as it was. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBackup } from '../../../node-relay/backup/read-backup.ts'
import { restoreBackup } from '../../../node-relay/backup/restore.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createSmallDisk, type SmallDisk, smallDiskObstacle } from '../../framework/small-disk.ts'
import { type BackupHome, createBackupHome, filesOf } from './home.ts'

const obstacle = smallDiskObstacle()
if (obstacle !== undefined) console.log(`Skipped: ${obstacle}`)

describe.skipIf(obstacle !== undefined)('a small disk', () => {
  let home: BackupHome
  let disk: SmallDisk
  beforeAll(async () => {
    home = await createBackupHome({ blocks: 30 })
    disk = createSmallDisk(32)
  }, 60_000)
  afterAll(() => {
    disk.remove()
    home.clear()
  })

  it('takes no half backup, and no half relay', async () => {
    // Beside the data folder by a path that leads out of it.
    const out = join('..', '..', disk.path, 'b')
    await home.backup(out)
    const old = readFileSync(join(disk.path, 'b'))
    const backup = await openBackup(join(disk.path, 'b'))
    const restore = (name: string) =>
      restoreBackup({ backup, dataDir: join(disk.path, name), verifier: createNodeVerifier() })

    for (const left of [0, 4_096]) {
      disk.fill(left)
      await expect(home.backup(out)).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/^The disk with .* is full; make room, .* No backup was written\.$/),
      })
      await expect(restore('new')).rejects.toMatchObject({ code: 'disk-full' })
      expect(readdirSync(disk.path).sort()).toEqual(['b', 'filler'])
      expect(readFileSync(join(disk.path, 'b'))).toEqual(old)
      disk.empty()
    }

    disk.setReadOnly(true)
    await expect(home.backup(out)).rejects.toMatchObject({
      code: 'disk-read-only',
      message: expect.stringMatching(/cannot be written .*; name another place\. No backup was written\.$/),
    })
    await expect(restore('new')).rejects.toMatchObject({ code: 'disk-read-only' })
    disk.setReadOnly(false)
    expect(readdirSync(disk.path)).toEqual(['b'])

    // The root of a disk cannot be replaced by a folder; one in it can.
    disk.empty()
    mkdirSync(join(disk.path, 'in-it'))
    await restore('in-it')
    expect(filesOf(join(disk.path, 'in-it'))['keys.json']).toBeDefined()
  }, 60_000)
})
