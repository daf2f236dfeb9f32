/** Fleet files with known faults, for tests: the same seed makes the same file. */
import { createHash } from 'node:crypto'
import { keyOf } from './small-device.ts'

/** Ten ways to get a row wrong, each with the code that it is to be refused with. */
const FAULTS: readonly {
  readonly code: string
  /** The line, given good fields and those of an earlier good row. */
  readonly spoil: (fields: string[], earlier: string[]) => string | Buffer
}[] = [
  { code: 'missing-name', spoil: (fields) => line(fields.with(0, ' ')) },
  { code: 'missing-serial', spoil: (fields) => line(fields.with(2, '')) },
  { code: 'too-long', spoil: (fields) => line(fields.with(0, 'x'.repeat(61))) },
  { code: 'control-character', spoil: (fields) => line(fields.with(0, `Sensor \u202e7`)) },
  { code: 'bad-mac', spoil: (fields) => line(fields.with(3, '00:1b:63:zz:45:e6')) },
  { code: 'bad-key', spoil: (fields) => line(fields.with(4, '02'.padEnd(64, '0'))) },
  { code: 'duplicate-serial', spoil: (fields, earlier) => line(fields.with(2, earlier[2] as string)) },
  { code: 'duplicate-mac', spoil: (fields, earlier) => line(fields.with(3, earlier[3] as string)) },
  { code: 'too-many-fields', spoil: (fields) => line([...fields, 'cellar']) },
  {
    code: 'bad-utf8',
    spoil: (fields) =>
      Buffer.concat([Buffer.from([0x57, 0xe4, 0x72, 0x6d, 0x65]), Buffer.from(`,${line(fields.slice(1))}`)]),
  },
]
export const FAULT_CODES = FAULTS.map(({ code }) => code)

export interface FleetCsv {
  readonly bytes: Buffer
  /** Code of each bad row by its line. */
  readonly bad: ReadonlyMap<number, string>
  /** Good rows by serial. */
  readonly good: ReadonlyMap<string, { readonly line: number; readonly name: string; readonly vendor: string }>
  /** Seeds of the wallet keys of rows that name one, by serial. */
  readonly seeds: ReadonlyMap<string, Buffer>
}

/** Every second row names a public key; bad rows are spread over the file, as many of each kind as fit. */
export function createFleetCsv(init: { readonly rows: number; readonly bad: number; readonly seed: number }): FleetCsv {
  const random = mulberry32(init.seed)
  const badAt = new Set<number>()
  // Not the first rows: a duplicate needs one before it.
  while (badAt.size < init.bad) badAt.add(10 + Math.floor(random() * (init.rows - 10)))
  const lines: (string | Buffer)[] = ['name,model,serial,mac,publicKey']
  const bad = new Map<number, string>()
  const good = new Map<string, { line: number; name: string; vendor: string }>()
  const seeds = new Map<string, Buffer>()
  let earlier: string[] = []
  for (let i = 0; i < init.rows; i++) {
    const serial = `SN-${String(i).padStart(6, '0')}`
    const seed = createHash('sha256').update(`${init.seed} ${serial}`).digest()
    const hasKey = i % 2 === 1
    const key = hasKey ? keyOf(seed).publicKey : undefined
    // 00:1B:63 is Apple's; a name with what CSV and HTML must escape.
    const mac = `00:1b:63:${[i >> 16, (i >> 8) & 255, i & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
    const name = i % 100 === 3 ? `Pump "A" <b>${i}</b>, Süd & Ost` : `Sensor ${i}`
    const fields = [
      name,
      `M-${i % 7}`,
      serial,
      mac,
      i % 4 === 1 ? (key?.toString('base64url') ?? '') : (key?.toString('hex') ?? ''),
    ]
    if (badAt.has(i)) {
      const fault = FAULTS[bad.size % FAULTS.length] as (typeof FAULTS)[number]
      bad.set(i + 2, fault.code)
      lines.push(fault.spoil(fields, earlier))
      continue
    }
    earlier = fields
    lines.push(line(fields))
    good.set(serial, { line: i + 2, name, vendor: 'Apple, Inc.' })
    if (hasKey) seeds.set(serial, seed)
  }
  return { bytes: Buffer.concat(lines.flatMap((one) => [Buffer.from(one), Buffer.from('\r\n')])), bad, good, seeds }
}

function line(fields: readonly string[]): string {
  return fields.map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}

/** Numbers in [0, 1) from a 32-bit seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
