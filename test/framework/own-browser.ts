/** A Chromium of the test's own with a profile on disk, whose processes can be killed at any moment. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type LaunchOptions } from '@playwright/test'

export interface OwnBrowser {
  /** Of the browser that runs now. */
  readonly context: BrowserContext
  /** SIGKILL to all processes of the browser, as when the power goes; then it is started again on what is left. */
  killAll(): Promise<void>
  /** SIGKILL to the processes that run pages and workers; the browser stays. */
  killPages(): Promise<void>
  /** Closes it, and deletes the profile. */
  close(): Promise<void>
}

export async function startOwnBrowser(options: LaunchOptions): Promise<OwnBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'lares-profile-'))
  let context = await chromium.launchPersistentContext(profile, options)

  /** The processes of this profile, each with its command line. */
  async function processes(): Promise<{ readonly pid: number; readonly isPage: boolean }[]> {
    const found: { pid: number; isPage: boolean }[] = []
    const parents = new Map<number, number>()
    const lines = new Map<number, string>()
    for (const name of await readdir('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid)) continue
      try {
        // Fields after the command's name, which may hold anything: state, then the parent's ID (proc(5)).
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
        parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
        lines.set(pid, await readFile(`/proc/${pid}/cmdline`, 'utf8'))
      } catch {
        // It ended meanwhile.
      }
    }
    const [root] = [...lines].find(([, line]) => line.includes(profile) && !line.includes('--type=')) ?? []
    for (const [pid, line] of lines) {
      let one: number | undefined = pid
      while (one !== undefined && one !== root) one = parents.get(one)
      if (one !== undefined) found.push({ pid, isPage: line.includes('--type=renderer') })
    }
    return found
  }

  function kill(pids: readonly number[]): void {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }
  }

  return {
    get context() {
      return context
    },
    async killAll() {
      const closed = new Promise<void>((resolve) => context.once('close', () => resolve()))
      kill((await processes()).map(({ pid }) => pid))
      await closed
      // Left by the browser that was killed; the next one would take it for a browser that runs.
      for (const lock of ['SingletonLock', 'SingletonSocket', 'SingletonCookie'])
        await rm(join(profile, lock), { force: true })
      context = await chromium.launchPersistentContext(profile, options)
    },
    async killPages() {
      kill((await processes()).flatMap(({ pid, isPage }) => (isPage ? [pid] : [])))
    },
    async close() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}
