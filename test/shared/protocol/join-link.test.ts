import { base64urlnopad } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatJoinLink,
  type JoinLink,
  joinLinkCodec,
  MAX_LINK_TEXT,
  parseJoinLink,
} from '../../../shared/protocol/join-link.ts'

const link: JoinLink = {
  version: 1,
  networkId: new Uint8Array(32).fill(7),
  checkpoint: { height: 120, hash: new Uint8Array(32).fill(9) },
  addresses: ['/ip4/192.168.1.2/udp/9001/webrtc-direct/certhash/uEiAB/p2p/12D3KooW', '/dns4/home.local/tcp/443/tls/ws'],
  name: 'Haus am See',
}

describe('join link', () => {
  const text = formatJoinLink(link)

  it('comes back from a URL, a fragment, a field and the bare text, with line breaks in it', () => {
    for (const form of [
      `https://relay.local:8443/#join=${text}`,
      `#join=${text}`,
      `join=${text}`,
      text,
      `  ${text.slice(0, 40)}\n${text.slice(40)} `,
    ]) {
      expect(parseJoinLink(form)).toEqual({ ok: true, value: { link, voucher: undefined } })
    }
  })

  it('carries a voucher beside it, in either order', () => {
    for (const form of [`https://a.example/#join=${text}&voucher=abc`, `#voucher=abc&join=${text}`])
      expect(parseJoinLink(form)).toEqual({ ok: true, value: { link, voucher: 'abc' } })
  })

  it('refuses what is no link, with a code', () => {
    const other = { ...link, checkpoint: { ...link.checkpoint } }
    for (const bad of [
      '',
      '#join=',
      'https://relay.local/#devices',
      `#join=${text.slice(0, -1)}`,
      `#join=${text}A`,
      `#join=${text.replace(/.$/, '!')}`,
      base64urlnopad.encode(Uint8Array.of(2, ...joinLinkCodec.encode(other).subarray(1))),
      'x'.repeat(MAX_LINK_TEXT + 1),
    ]) {
      expect(parseJoinLink(bad), bad.slice(0, 60)).toMatchObject({ ok: false, code: 'malformed-link' })
    }
  })

  it('is bounded when it is made', () => {
    for (const bad of [
      { ...link, addresses: Array.from({ length: 9 }, () => '/ip4/1.2.3.4') },
      { ...link, addresses: ['192.168.1.2:9001'] },
      { ...link, addresses: ['/ip4/1.2.3.4 or so'] },
      { ...link, name: 'n'.repeat(33) },
      { ...link, name: 'tab\there' },
      { ...link, name: 'right-to-left \u202e' },
    ])
      expect(() => formatJoinLink(bad)).toThrow()
    expect(formatJoinLink({ ...link, name: 'ü'.repeat(32), addresses: [] })).toMatch(/^[\w-]+$/)
  })

  it('never throws on foreign text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (foreign) => {
        expect(typeof parseJoinLink(foreign).ok).toBe('boolean')
      }),
    )
  })
})
