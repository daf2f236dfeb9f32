import 'reflect-metadata'
import { Name } from '@peculiar/x509'
import type { DerElement } from './der.ts'

/** A distinguished name. */
export interface CertificateName {
  /** Names are compared by these bytes: stricter than RFC 5280 section 7.1, and what issuers do. */
  readonly der: Uint8Array
  /** For people: no control characters, and of bounded length. */
  readonly text: string
  /** Values of an attribute, by its dotted OID, in order. */
  values(oid: string): readonly string[]
}

/** A stranger wrote the name, and it is printed on a terminal. */
const MAX_NAME_TEXT = 200

/** @throws when it is no name */
export function readName(element: DerElement): CertificateName {
  const name = new Name(element.bytes as Uint8Array<ArrayBuffer>)
  const text = name.toString().replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  return {
    der: element.bytes,
    text: text.length > MAX_NAME_TEXT ? `${text.slice(0, MAX_NAME_TEXT)}…` : text || '(no name)',
    values: (oid) => name.getField(oid),
  }
}
