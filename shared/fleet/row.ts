import { ed25519 } from '@noble/curves/ed25519.js'
import { base64urlnopad } from '@scure/base'
import { fromHex, HASH_LENGTH } from '../bytes.ts'
import { isCanonicalPoint, isSmallOrder } from '../crypto/ed25519-rules.ts'
import { accept, type Result, reject } from '../errors.ts'
import { MAX_FLEET_TEXT, parseMac, wrongText } from './fields.ts'

/** The columns of a fleet file. Name and serial must be there; without a public key a voucher is made for the row. */
export const FLEET_COLUMNS = ['name', 'model', 'serial', 'mac', 'publicKey', 'recoveryKey'] as const

export type FleetColumn = (typeof FLEET_COLUMNS)[number]

/** A device as its owner lists it. */
export interface FleetRow {
  readonly name: string
  /** Empty when it is not said. */
  readonly model: string
  readonly serial: string
  /** 6 bytes. */
  readonly mac: Uint8Array | undefined
  /** Ed25519, the device's wallet key, where it is known beforehand. */
  readonly publicKey: Uint8Array | undefined
  /** Ed25519; only beside a public key. */
  readonly recoveryKey: Uint8Array | undefined
}

export type FieldCode =
  | 'not-text'
  | 'unknown-column'
  | 'missing-name'
  | 'missing-serial'
  | 'too-long'
  | 'control-character'
  | 'bad-mac'
  | 'bad-key'
  | 'bad-recovery-key'

type Texts = { [Column in FleetColumn]: string }

/**
 * Reads the fields of one row, whatever they are. White space around a field is dropped, and texts are brought to
 * Unicode's form C, so that one serial is one serial.
 *
 * @param readPublicKey `decodeKey` for rows that have been read with `readKey` before, which takes a fraction of a millisecond
 */
export function readFleetRow(
  fields: Readonly<Record<string, unknown>>,
  readPublicKey: typeof readKey = readKey,
): Result<FleetRow, FieldCode> {
  const texts: Texts = { name: '', model: '', serial: '', mac: '', publicKey: '', recoveryKey: '' }
  for (const [column, value] of Object.entries(fields)) {
    if (!isColumn(column)) return reject('unknown-column', `there is no column "${shown(column)}"`)
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') return reject('not-text', `${column} is not a text; put it in quotes`)
    texts[column] = value.trim().normalize('NFC')
  }
  const { name, model, serial } = texts
  if (name === '') return reject('missing-name', 'the name is missing')
  if (serial === '') return reject('missing-serial', 'the serial is missing')
  for (const [what, text] of Object.entries({ name, model, serial })) {
    const wrong = wrongText(text)
    if (wrong === 'too-long')
      return reject('too-long', `the ${what} is too long: at most ${MAX_FLEET_TEXT} characters are kept`)
    if (wrong !== undefined) return reject(wrong, `the ${what} holds a character that cannot be shown`)
  }
  const mac = texts.mac === '' ? undefined : parseMac(texts.mac)
  if (mac?.ok === false) return mac
  const publicKey = texts.publicKey === '' ? undefined : readPublicKey(texts.publicKey)
  if (publicKey?.ok === false) return reject('bad-key', `the public key is none: ${publicKey.detail}`)
  const recoveryKey = texts.recoveryKey === '' ? undefined : readPublicKey(texts.recoveryKey)
  if (recoveryKey?.ok === false) return reject('bad-recovery-key', `the recovery key is none: ${recoveryKey.detail}`)
  if (recoveryKey !== undefined && publicKey === undefined)
    return reject('bad-recovery-key', 'a recovery key stands only beside a public key; who claims a voucher brings one')
  return accept({
    name,
    model,
    serial,
    mac: mac?.value,
    publicKey: publicKey?.value,
    recoveryKey: recoveryKey?.value,
  })
}

/** An Ed25519 public key that signatures are accepted of, as 64 hexadecimal digits or 43 characters of base64url. */
export function readKey(text: string): Result<Uint8Array, 'bad-key'> {
  const key = decodeKey(text)
  if (!key.ok) return key
  const wrong = reject('bad-key', 'these 32 bytes are no point that a key could be')
  if (!isCanonicalPoint(key.value) || isSmallOrder(key.value)) return wrong
  try {
    ed25519.Point.fromBytes(key.value)
  } catch {
    return wrong
  }
  return key
}

/** The 32 bytes of a key, whatever they are. */
export function decodeKey(text: string): Result<Uint8Array, 'bad-key'> {
  const wrong = reject('bad-key', 'an Ed25519 public key has 64 hexadecimal digits, or 43 characters of base64url')
  if (/^[0-9a-f]{64}$/i.test(text)) return accept(fromHex(text))
  try {
    const key = base64urlnopad.decode(text.replace(/=$/, ''))
    return key.length === HASH_LENGTH ? accept(key) : wrong
  } catch {
    return wrong
  }
}

function isColumn(text: string): text is FleetColumn {
  return (FLEET_COLUMNS as readonly string[]).includes(text)
}

function shown(text: string): string {
  return text.length > 30 ? `${text.slice(0, 30)}…` : text
}
