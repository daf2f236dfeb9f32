import { base64urlnopad } from '@scure/base'
import * as P from 'micro-packed'
import { checked, createCodec, hash32, text8 } from '../codec.ts'
import { accept, type Result, reject } from '../errors.ts'

/** Addresses in a link; a QR code grows with each. */
export const MAX_LINK_ADDRESSES = 8
/** Characters of a network's name. */
export const MAX_NETWORK_NAME = 32
const MAX_LINK_LENGTH = 2_560
/** Longer text is not looked at: a URL with a link and a voucher in it. Characters. */
export const MAX_LINK_TEXT = 8_192

/**
 * What a newcomer needs: which network, a settled header to start from, where its servers are. What stands in it is
 * trusted, so it should come from the network's owner.
 *
 * `u8 version || networkId 32 || u32 height || hash 32 || u8 addresses × (u8 length, text) || u8 length, name`
 */
const joinLinkCoder = P.struct({
  version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown join link version ${version}`)),
  networkId: hash32,
  /** Height 0 stands for genesis, and its hash is the network ID. */
  checkpoint: P.struct({ height: P.U32BE, hash: hash32 }),
  /** Multiaddr text, best first. */
  addresses: checked(P.array(P.U8, text8), (list) => {
    if (list.length > MAX_LINK_ADDRESSES) return `${list.length} addresses; at most ${MAX_LINK_ADDRESSES}`
    return list.every((address) => /^\/[!-~]+$/.test(address)) ? undefined : 'an address is not a multiaddr'
  }),
  /** For people only. */
  name: checked(text8, (name) => {
    if (Array.from(name).length > MAX_NETWORK_NAME) return `a name has at most ${MAX_NETWORK_NAME} characters`
    return /\p{C}/u.test(name) ? 'a name has no control characters' : undefined
  }),
})

export type JoinLink = P.UnwrapCoder<typeof joinLinkCoder>

export const joinLinkCodec = createCodec<JoinLink>('join link', MAX_LINK_LENGTH, joinLinkCoder)

/** What follows `#join=`: base64url without padding. @throws {LaresError} `unencodable` */
export function formatJoinLink(link: JoinLink): string {
  return base64urlnopad.encode(joinLinkCodec.encode(link))
}

export interface JoinInvitation {
  readonly link: JoinLink
  /** Text of a voucher that came with the link, unread. */
  readonly voucher: string | undefined
}

/** Reads a whole URL (`https://…/#join=…&voucher=…`), its fragment, or the bare text, with white space anywhere. */
export function parseJoinLink(text: string): Result<JoinInvitation, 'malformed-link'> {
  const wrong = (detail: string) => reject('malformed-link' as const, detail)
  if (text.length > MAX_LINK_TEXT) return wrong('the text is too long')
  const fields = readFragment(text)
  const body = fields.get('join')
  if (body === undefined) return wrong('there is no join link in this text')
  const bytes = decodeBase64Url(body)
  if (bytes === undefined) return wrong('the link has characters that belong to no link, or its end is missing')
  const link = joinLinkCodec.decode(bytes)
  return link.ok ? accept({ link: link.value, voucher: fields.get('voucher') }) : wrong(link.detail)
}

/** Fields of `#a=…&b=…` wherever it begins; a text without any is taken as the value of `join`. */
export function readFragment(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  const dense = text.replace(/\s+/gu, '')
  const fragment = dense.slice(dense.indexOf('#') + 1)
  for (const part of fragment.split('&')) {
    const equals = part.indexOf('=')
    if (equals > 0 && equals < part.length - 1) fields.set(part.slice(0, equals), part.slice(equals + 1))
  }
  if (fields.size === 0 && !dense.includes('#') && fragment !== '') fields.set('join', fragment)
  return fields
}

/** base64url without padding, or undefined. Never throws. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  try {
    return base64urlnopad.decode(text)
  } catch {
    return undefined
  }
}
