/** docs/LIMITS.md names every bound of the sources with its line, and nothing that is no longer so. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { PAGE_PROTOCOLS, PROTOCOLS } from '../../shared/protocol/ids.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SIDES = ['shared', 'node-relay', 'web']
/** Names of bounds. Members of an object are `NAME.member`. */
const BOUND = /^(?:MAX_|KEPT_|[A-Z][A-Z0-9_]*_LIMITS?(?:\.|$))/
const DOCUMENT = readFileSync(join(ROOT, 'docs/LIMITS.md'), 'utf8')

interface Constant {
  readonly file: string
  readonly name: string
  /** As written, on one line. */
  readonly value: string
}

/** The constants at the top level of a source file. */
function constantsOf(file: string, text: string): Constant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  return source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) =>
    declarationList.declarations.flatMap(({ name: identifier, initializer }): Constant[] => {
      let value = initializer
      while (value !== undefined && (ts.isAsExpression(value) || ts.isSatisfiesExpression(value)))
        value = value.expression
      const name = identifier.getText(source)
      if (value === undefined || !/^[A-Z][A-Z0-9_]+$/.test(name)) return []
      const textOf = (node: ts.Node) => node.getText(source).replace(/\s+/g, ' ')
      if (!ts.isObjectLiteralExpression(value)) return [{ file, name, value: textOf(value) }]
      return value.properties.filter(ts.isPropertyAssignment).map((member) => ({
        file,
        name: `${name}.${member.name.getText(source)}`,
        value: textOf(member.initializer),
      }))
    }),
  )
}

const constants = SIDES.flatMap((side) =>
  readdirSync(join(ROOT, side), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${side}/${name.replaceAll('\\', '/')}`)
    .flatMap((file) => constantsOf(file, readFileSync(join(ROOT, file), 'utf8'))),
)

/** `NAME = value` and the file, as the rows of the document say them. */
const said = DOCUMENT.split('\n')
  .filter((line) => line.startsWith('|'))
  .flatMap((line) => line.split(';'))
  .flatMap((part) => {
    const file = /in `([^`]+\.tsx?)`/.exec(part)?.[1] ?? ''
    return [...part.matchAll(/`([A-Z][\w.]+) = ([^`]+)`/g)].map(([, name = '', value = '']) => ({ file, name, value }))
  })
const line = ({ file, name, value }: Constant) => `${file}: ${name} = ${value}`

describe('docs/LIMITS.md', () => {
  it('names every bound of the sources', () => {
    const bounds = constants.filter(({ name }) => BOUND.test(name))
    expect(bounds.length).toBeGreaterThan(100)
    expect(bounds.map(line).filter((one) => !said.map(line).includes(one))).toEqual([])
  })

  it('says nothing that the sources do not', () => {
    expect(said.map(line).filter((one) => !constants.map(line).includes(one))).toEqual([])
  })

  it('has the sizes, deadline and cost of every protocol', () => {
    const rows = [...Object.values(PROTOCOLS), ...Object.values(PAGE_PROTOCOLS)].map(
      ({ id, maxRequest, maxResponse, timeoutMs, cost }) =>
        `| \`${id}\` | ${maxRequest} | ${maxResponse} | ${timeoutMs} ms | ${cost} |`,
    )
    expect(DOCUMENT.split('\n').filter((row) => row.startsWith('| `/lares/'))).toEqual(rows)
  })
})
