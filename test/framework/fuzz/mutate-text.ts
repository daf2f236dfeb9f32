/** Alters text as people, clipboards and attackers do; and JSON values in their structure. */
import type { FuzzRandom } from './random.ts'

const MOST_MUTATIONS = 4
const ODD_TEXT = [
  ...['', ' ', '\n', '\t', '\r\n', '\u0000', '\u00a0', '\ufeff', '\u200b', '\u202e', '\ud800', '\udfff', '\u{1f3e0}'],
  ...[
    'é',
    'e\u0301',
    'ı',
    'İ',
    'ß',
    '%',
    '%00',
    '%zz',
    '%C3%28',
    '&',
    '=',
    '#',
    '?',
    '/',
    '\\',
    '../',
    '"',
    "'",
    ',',
    ';',
  ],
  ...[
    '#join=',
    '&voucher=',
    'did:lares:',
    'LARES1',
    'lares1',
    '__proto__',
    'constructor',
    'toString',
    'NaN',
    '-0',
    '1e999',
  ],
  ...[
    '0x10',
    '00',
    '+1',
    '-1',
    '9007199254740993',
    '4294967296',
    '18446744073709551616',
    'null',
    'true',
    '{',
    '[',
    '=',
  ],
] as const
const LARGE_REPEATS = [2, 50, 3_000]

type Mutation = (text: string, random: FuzzRandom, others: readonly string[]) => string

const cut = (text: string, random: FuzzRandom) => random.below(text.length + 1)

const MUTATIONS: readonly Mutation[] = [
  function replace(text, random, others) {
    const at = cut(text, random)
    const donor = random.pick(others)
    return text.slice(0, at) + (donor[random.below(donor.length)] ?? 'q') + text.slice(at + 1)
  },
  function insertOdd(text, random) {
    const at = cut(text, random)
    return text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(at)
  },
  function replaceOdd(text, random) {
    const at = cut(text, random)
    return text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(at + 1 + random.below(8))
  },
  function truncate(text, random) {
    return text.slice(0, cut(text, random))
  },
  function cutFront(text, random) {
    return text.slice(cut(text, random))
  },
  function splice(text, random, others) {
    const other = random.pick(others)
    return text.slice(0, cut(text, random)) + other.slice(cut(other, random))
  },
  function repeat(text, random) {
    const at = cut(text, random)
    const piece = text.slice(at, at + 1 + random.below(20))
    return text.slice(0, at) + piece.repeat(random.pick(LARGE_REPEATS)) + text.slice(at)
  },
  function remove(text, random) {
    const at = cut(text, random)
    return text.slice(0, at) + text.slice(at + 1 + random.below(20))
  },
  (text, random) => (random.chance(0.5) ? text.toLowerCase() : text.toUpperCase()),
  function swap(text, random) {
    const [a = 0, b = 0, c = 0] = [0, 0, 0].map(() => cut(text, random)).sort((x, y) => x - y)
    return text.slice(0, a) + text.slice(b, c) + text.slice(a, b) + text.slice(c)
  },
]

export function mutateText(valid: string, random: FuzzRandom, others: readonly string[], maxLength = 40_000): string {
  let text = valid
  const times = 1 + random.below(MOST_MUTATIONS)
  for (let time = 0; time < times; time++) text = random.pick(MUTATIONS)(text, random, others)
  return text.slice(0, maxLength)
}

const DEEP = 3_000
const deeplyNested = (brackets: '[]' | '{}') =>
  brackets === '[]'
    ? JSON.parse('['.repeat(DEEP) + ']'.repeat(DEEP))
    : JSON.parse(`${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`)

/** Values of every kind at their edges; made anew each time, since what is handed over may be kept. */
const ODD_VALUES: readonly ((random: FuzzRandom) => unknown)[] = [
  ...[null, true, false, 0, -0, -1, 1, 0.5, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, 255, 256, 65_536, ''].map(
    (value) => () => value,
  ),
  (random) => random.pick(ODD_TEXT),
  () => 'x'.repeat(20_000),
  () => [],
  () => ({}),
  () => [null, [], {}],
  () => Array.from({ length: 2_000 }, () => 0),
  () => JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  () => deeplyNested('[]'),
  () => deeplyNested('{}'),
]

/** Changes a value at one to three places: another value there, a field less, a field more, a field renamed. */
export function mutateValue(valid: unknown, random: FuzzRandom): unknown {
  let value = structuredClone(valid)
  const times = 1 + random.below(3)
  for (let time = 0; time < times; time++) value = mutateAt(value, random)
  return value
}

function mutateAt(value: unknown, random: FuzzRandom): unknown {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.8)) {
    const at = random.below(value.length)
    const kind = random.below(4)
    if (kind === 0) value.splice(at, 1)
    else if (kind === 1) {
      // Many of what holds many, three times over, is more than can be written down.
      const length = typeof value[at] === 'object' ? random.pick([1, 3]) : random.pick([1, 3, 500])
      value.splice(at, 0, ...Array.from({ length }, () => value[at]))
    } else value[at] = mutateAt(value[at], random)
    return value
  }
  if (isFields(value) && Object.keys(value).length > 0 && random.chance(0.85)) {
    const key = random.pick(Object.keys(value))
    const kind = random.below(6)
    if (kind === 0) delete value[key]
    else if (kind === 1) {
      value[random.chance(0.5) ? `${key}x` : random.pick(['__proto__x', 'length', 'toString', key.toUpperCase()])] =
        value[key]
      delete value[key]
    } else value[key] = mutateAt(value[key], random)
    return value
  }
  if (typeof value === 'string' && random.chance(0.5)) return mutateText(value, random, [value, ...ODD_TEXT])
  if (typeof value === 'number' && random.chance(0.5)) return value + random.pick([-1, 1, 0.5, 2 ** 32, -(2 ** 32)])
  if (value instanceof Uint8Array && random.chance(0.7)) return value.slice(0, random.below(value.length + 1))
  return random.pick(ODD_VALUES)(random)
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

/** Characters. */
const LARGEST_JSON = 200_000

/** JSON text of a changed value, or changed text of a valid one. */
export function mutateJson(valid: unknown, random: FuzzRandom): string {
  // Structure repeated in structure grows fast.
  if (random.chance(0.7)) return (JSON.stringify(mutateValue(valid, random)) ?? '').slice(0, LARGEST_JSON)
  const text = JSON.stringify(valid)
  return mutateText(text, random, [text, '[[[[', '{"a":{"a":', '1e5', '\\u0000'])
}
