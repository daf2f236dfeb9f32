import * as P from 'micro-packed'
import { bytes64, checked, text8, u48 } from '../codec.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { TAGS, tagged } from '../hash.ts'
import { memberAt, type Roster } from '../roster/roster.ts'

/** Addresses of one server: WebRTC-direct and WebSockets in the LAN, and the same for who comes from outside. */
export const MAX_SERVICE_ADDRESSES = 4

const PEER = /\/p2p\/([A-Za-z0-9]{1,64})$/

/** Best first; all of one peer. */
export const serverAddressesCoder = checked(P.array(P.U8, text8), (list) => {
  if (list.length < 1 || list.length > MAX_SERVICE_ADDRESSES) return `${list.length} addresses`
  const peer = PEER.exec(list[0] as string)?.[1]
  return peer !== undefined && list.every((address) => /^\/[!-~]+$/.test(address) && PEER.exec(address)?.[1] === peer)
    ? undefined
    : 'not the addresses of one peer'
})

const contentFields = {
  seat: P.U16BE,
  /** By the server's clock, ms. Of two records of one seat the later counts. */
  issuedAt: u48,
  /** At its limit: who is not served already goes to the next in order. */
  isBusy: P.bool,
  addresses: serverAddressesCoder,
}

const contentCoder = P.struct(contentFields)

export type ServiceContent = P.UnwrapCoder<typeof contentCoder>

export const serviceRecordCoder = P.struct({ ...contentFields, signature: bytes64 })

/**
 * Where the holder of a seat serves, and whether it can take more, in its own words: signed by the key that it seals with,
 * so that the roster alone says whether it is true, whoever passes it on. DESIGN 5.
 */
export type ServiceRecord = P.UnwrapCoder<typeof serviceRecordCoder>

/** What the holder of the seat signs. */
export function serviceMessage(networkId: Uint8Array, content: ServiceContent): Uint8Array {
  const { seat, issuedAt, isBusy, addresses } = content
  return tagged(TAGS.serviceRecord, networkId, contentCoder.encode({ seat, issuedAt, isBusy, addresses }))
}

/** The signature to verify, by the key that the roster has for the seat; undefined: nobody has it. */
export function serviceCheck(networkId: Uint8Array, record: ServiceRecord, roster: Roster): SignatureCheck | undefined {
  const member = memberAt(roster, record.seat)
  if (member === undefined) return undefined
  return { publicKey: member.sealingKey, message: serviceMessage(networkId, record), signature: record.signature }
}

/** libp2p peer ID in its addresses. */
export function peerOfService({ addresses }: Pick<ServiceRecord, 'addresses'>): string {
  return PEER.exec(addresses[0] as string)?.[1] as string
}
