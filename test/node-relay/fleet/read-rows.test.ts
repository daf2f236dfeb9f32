/** Fleet files as people have them: what is read, with which line, and what is said of the rest. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_FLEET_FILE, MAX_FLEET_ROWS, readFleetFile } from '../../../node-relay/fleet/read-rows.ts'

const read = (text: string | Buffer) => readFleetFile(Uint8Array.from(Buffer.from(text as string)))
const rowsOf = (text: string | Buffer) => {
  const rows = read(text)
  if (!rows.ok) throw new Error(rows.detail)
  return rows.value
}
const codes = (text: string | Buffer) => rowsOf(text).map((row) => [row.line, 'code' in row ? row.code : 'good'])

describe('CSV', () => {
  it('is read by the names of its first line, whatever order, case and delimiter', () => {
    const fields = { serial: 'S1', name: 'Pump, "A"', mac: '' }
    for (const text of [
      'serial,name,mac\nS1,"Pump, ""A""",\n',
      '\ufeffSerial;NAME;Mac\r\nS1;"Pump, ""A""";\r\n',
      'serial\tname\tmac\nS1\t"Pump, ""A"""\t',
    ])
      expect(rowsOf(text), text).toEqual([{ line: 2, fields }])
    expect(rowsOf('name,serial,Public key,recovery_key\na,b,c,d')).toEqual([
      { line: 2, fields: { name: 'a', serial: 'b', publicKey: 'c', recoveryKey: 'd' } },
    ])
  })

  it('counts lines as an editor does, empty ones too', () => {
    expect(codes('\n\nname,serial\r\n\r\na,b\r\n  \r\nc,d')).toEqual([
      [5, 'good'],
      [7, 'good'],
    ])
  })

  it('says what is wrong with a line, and goes on with the next', () => {
    const head = 'name,serial,model\n'
    expect(codes(`${head}a,1,\nb,2\nc,3,,\nd,4,,x\n"e,5,\nf"g,6,\n"h" i,7,\nj,8,\n`)).toEqual([
      [2, 'good'],
      [3, 'too-few-fields'],
      [4, 'good'],
      [5, 'too-many-fields'],
      [6, 'bad-quotes'],
      [7, 'bad-quotes'],
      [8, 'bad-quotes'],
      [9, 'good'],
    ])
    const latin = Buffer.concat([Buffer.from(head), Buffer.from([0xe4, 0x2c, 0x31, 0x2c, 0x0a]), Buffer.from('b,2,\n')])
    expect(codes(latin)).toEqual([
      [2, 'bad-utf8'],
      [3, 'good'],
    ])
  })

  it('is refused as a whole, in a sentence, when it is no fleet file', () => {
    const refused = (text: string | Buffer) => {
      const rows = read(text)
      return rows.ok ? 'read' : rows.detail
    }
    expect(refused('')).toMatch(/empty/)
    expect(refused('name,colour\na,red')).toMatch(/"colour" is none of them/)
    expect(refused('name,model\na,b')).toMatch(/serial is missing/)
    expect(refused('name,serial,name\na,b,c')).toMatch(/name stands in the first line twice/)
    expect(refused(Buffer.from('\ufeffname,serial\na,b', 'utf16le'))).toMatch(/UTF-16/)
    expect(refused(Buffer.alloc(MAX_FLEET_FILE + 1, 0x61))).toMatch(/8 MiB/)
    expect(refused(`name,serial\n${'a,b\n'.repeat(MAX_FLEET_ROWS + 1)}`)).toMatch(/more than 20000 rows/)
  })
})

describe('JSON', () => {
  it('is an array of objects, each with the line that it begins in', () => {
    const text =
      '[\n  {"name": "a, [b] \\" {", "serial": "1"},\n\n  7, "x\\\\",\n  {\n    "name": "c",\n    "serial": "2"\n  }, {"name": "d"}, []\n]'
    expect(rowsOf(text)).toEqual([
      { line: 2, fields: { name: 'a, [b] " {', serial: '1' } },
      { line: 4, code: 'not-an-object', detail: expect.any(String) },
      { line: 4, code: 'not-an-object', detail: expect.any(String) },
      { line: 5, fields: { name: 'c', serial: '2' } },
      { line: 8, fields: { name: 'd' } },
      { line: 8, code: 'not-an-object', detail: expect.any(String) },
    ])
    expect(rowsOf('[]')).toEqual([])
  })

  it('is refused in a sentence when it is none', () => {
    expect(read('[1,')).toMatchObject({ ok: false, detail: expect.stringMatching(/JSON/) })
    expect(read('{"name":"a"}')).toMatchObject({ ok: false, detail: expect.stringMatching(/array/) })
  })

  it('gives as many lines as elements, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, space) => {
        const rows = rowsOf(JSON.stringify(values, undefined, space))
        expect(rows.length).toBe(values.length)
        expect(rows.every(({ line }, i) => line >= 1 && (i === 0 || line >= (rows[i - 1]?.line ?? 0)))).toBe(true)
      }),
    )
  })
})

it('never throws, whatever bytes it is given', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readFleetFile(bytes)))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void read(`name,serial\n${text}`)))
})
