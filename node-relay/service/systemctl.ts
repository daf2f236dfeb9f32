import { execFile } from 'node:child_process'

const TIMEOUT_MS = 60_000

/** Runs a program of the system. `undefined`: there is no such program. */
export type RunProgram = (
  program: string,
  args: readonly string[],
) => Promise<{ readonly ok: boolean; readonly output: string } | undefined>

export function createRunProgram(env: NodeJS.ProcessEnv): RunProgram {
  return (program, args) =>
    new Promise((resolve) => {
      execFile(program, [...args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') resolve(undefined)
        else resolve({ ok: error === null, output: `${stdout}${stderr}`.trim() })
      })
    })
}

export interface Systemctl {
  /** False where systemd does not run for this user, as in most containers. */
  isRunning(): Promise<boolean>
  isActive(unit: string): Promise<boolean>
  /** @returns what it said when it failed */
  call(...args: readonly string[]): Promise<string | undefined>
  /** Whether services of this user run without him being logged in. */
  lingers(user: string): Promise<boolean>
}

export function createSystemctl(run: RunProgram): Systemctl {
  const systemctl = (...args: readonly string[]) => run('systemctl', ['--user', ...args])
  return {
    isRunning: async () => (await systemctl('show-environment'))?.ok === true,
    isActive: async (unit) => (await systemctl('is-active', '--quiet', unit))?.ok === true,
    async call(...args) {
      const result = await systemctl(...args)
      return result?.ok === true ? undefined : (result?.output ?? 'systemctl is not there')
    },
    lingers: async (user) => /Linger=yes/.test((await run('loginctl', ['show-user', user]))?.output ?? ''),
  }
}
