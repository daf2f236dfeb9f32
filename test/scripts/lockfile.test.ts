import { describe, expect, it } from 'vitest'
import lock from '../../package-lock.json' with { type: 'json' }

interface Locked {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const packages: Readonly<Record<string, Locked>> = lock.packages

/** Whether a package finds another one the way Node does: beside itself, or in any folder above. */
function reaches(from: string, name: string): boolean {
  if (`${from === '' ? '' : `${from}/`}node_modules/${name}` in packages) return true
  if (from === '') return false
  const above = from.lastIndexOf('/node_modules/')
  return reaches(above === -1 ? '' : from.slice(0, above), name)
}

describe('the lockfile', () => {
  it('names a version for every package', () => {
    const without = Object.entries(packages).filter(([, { version }]) => version === undefined)
    expect(without).toEqual([])
  })

  // npm leaves out optional packages that the registry did not give it at that moment; `npm ci` then refuses the
  // whole file, and other systems miss their native parts.
  it('has every optional package of every system', () => {
    const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !reaches(from, name)),
    )
    expect(missing).toEqual([])
  })
})
