/**
 * Machines on this one, each a network namespace, with a cable between any two that can be cut, and one to each from here.
 * Needs Linux, root and iproute2. Names are unique to the run; everything goes with {@link Mesh.remove}, or at the latest
 * when the process ends.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

export interface Mesh {
  /** Runs a program on a machine. */
  prefix(machine: number): readonly string[]
  /** The address of a machine as seen from here. */
  address(machine: number): string
  /** Lets through what goes between machines of one group, and nothing else. */
  partition(groups: readonly (readonly number[])[]): void
  remove(): void
}

/** Why there can be no such network here, as a sentence; undefined when there can. */
export function meshObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'Network namespaces are a part of Linux, and this is another system.'
  if (process.getuid?.() !== 0) return 'Making network namespaces needs root, and this user is not root.'
  const name = uniqueName()
  try {
    ip('netns', 'add', name)
    ip('netns', 'exec', name, 'ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two')
  } catch (error) {
    return `"ip netns" does not work here (${(error as Error).message.trim().split('\n').at(-1)}).`
  } finally {
    quietly(() => ip('netns', 'delete', name))
  }
  return undefined
}

export function createMesh(machines: number): Mesh {
  const run = uniqueName()
  /** Two runs at once must not share the addresses that are seen from here. */
  const net = 16 + (randomBytes(1)[0] as number) / 2
  const name = (machine: number) => `${run}-${machine}`
  const all = Array.from({ length: machines }, (_, machine) => machine)
  const pairs = all.flatMap((one) => all.slice(one + 1).map((other) => [one, other] as const))
  const cable = (machine: number) => `lm${run.slice(-6)}${machine}`
  const hostOf = (machine: number, end: number) => `10.${Math.floor(net)}.${200 + machine}.${end}`
  let removed = false

  function remove(): void {
    if (removed) return
    removed = true
    process.off('exit', remove)
    for (const machine of all) quietly(() => ip('netns', 'delete', name(machine)))
    for (const machine of all) quietly(() => ip('link', 'delete', cable(machine)))
  }

  function plug(machine: number, device: string, address: string): void {
    ip('-n', name(machine), 'address', 'add', `${address}/30`, 'dev', device)
    ip('-n', name(machine), 'link', 'set', device, 'up')
  }

  process.on('exit', remove)
  try {
    for (const machine of all) {
      ip('netns', 'add', name(machine))
      ip('-n', name(machine), 'link', 'set', 'lo', 'up')
      ip('link', 'add', cable(machine), 'type', 'veth', 'peer', 'name', 'outside', 'netns', name(machine))
      ip('address', 'add', `${hostOf(machine, 1)}/30`, 'dev', cable(machine))
      ip('link', 'set', cable(machine), 'up')
      plug(machine, 'outside', hostOf(machine, 2))
    }
    for (const [index, [one, other]] of pairs.entries()) {
      const [near, far] = [`to${other}`, `to${one}`]
      ip('-n', name(one), 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name(other))
      plug(one, near, `10.${Math.floor(net)}.${index}.1`)
      plug(other, far, `10.${Math.floor(net)}.${index}.2`)
    }
  } catch (error) {
    remove()
    throw error
  }

  return {
    prefix: (machine) => ['ip', 'netns', 'exec', name(machine)],
    address: (machine) => hostOf(machine, 2),
    partition(groups) {
      for (const [one, other] of pairs) {
        const isJoined = groups.some((group) => group.includes(one) && group.includes(other))
        ip('-n', name(one), 'link', 'set', `to${other}`, isJoined ? 'up' : 'down')
      }
    },
    remove,
  }
}

function uniqueName(): string {
  return `lares-${process.pid}-${randomBytes(3).toString('hex')}`
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function quietly(task: () => unknown): void {
  try {
    task()
  } catch {
    // Not there (any more): nothing to clean up.
  }
}
