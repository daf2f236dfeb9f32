import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A process of a benchmark, with a folder of its own: it answers each message with one. */
export interface Child<Question, Answer> {
  ask(message: Question): Promise<Answer>
  end(): Promise<void>
}

/** @param file beside this one; its first argument is the folder of its database */
export async function startChild<Question, Answer>(file: string): Promise<Child<Question, Answer>> {
  const directory = await mkdtemp(join(tmpdir(), 'lares-bench-'))
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [join(directory, 'chain')], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  let isEnding = false
  const gone = once(child, 'exit').then(([code]) => {
    if (!isEnding) throw new Error(`${file} ended with ${code}`)
  })
  gone.catch(() => undefined)
  return {
    async ask(message) {
      child.send(message as object)
      const answer = await Promise.race([once(child, 'message'), gone])
      if (answer === undefined) throw new Error(`${file} has ended`)
      return answer[0] as Answer
    },
    async end() {
      isEnding = true
      child.kill('SIGKILL')
      await gone
      await rm(directory, { recursive: true, force: true })
    },
  }
}
