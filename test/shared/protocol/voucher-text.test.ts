import { describe, expect, it } from 'vitest'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import {
  formatVoucher,
  parseVoucher,
  publicVoucher,
  type VoucherSecret,
} from '../../../shared/protocol/voucher-text.ts'
import { voucherMessage } from '../../../shared/transaction/register.ts'

const networkId = new Uint8Array(32).fill(3)
const issuer = createSeedSigner(new Uint8Array(32).fill(1))
const seed = new Uint8Array(32).fill(2)
const open = {
  issuer: new Uint8Array(32).fill(4),
  voucherKey: createSeedSigner(seed).publicKey,
  notAfter: 1_800_000_000_000,
  label: LABEL.lightweight,
}
const secret: VoucherSecret = {
  version: 1,
  networkId,
  seed,
  issuer: open.issuer,
  notAfter: open.notAfter,
  label: open.label,
  signature: await issuer.sign(voucherMessage(networkId, open)),
}

describe('voucher text', () => {
  const text = formatVoucher(secret)

  it('comes back from a link, a field and typed text', () => {
    for (const form of [
      `https://a.example/#join=abc&voucher=${text}`,
      `voucher=${text}`,
      text,
      ` ${text.slice(0, 9)} \n${text.slice(9)}`,
    ])
      expect(parseVoucher(form, networkId)).toEqual({ ok: true, value: secret })
    expect(text).toHaveLength(230)
  })

  it('gives out a public half that its issuer has signed', () => {
    const voucher = publicVoucher(secret)
    expect(voucher).toEqual({ ...open, signature: secret.signature })
    const check = {
      publicKey: issuer.publicKey,
      message: voucherMessage(networkId, voucher),
      signature: voucher.signature,
    }
    expect(createNobleVerifier().verify(check)).toBe(true)
    expect(Object.keys(voucher)).not.toContain('seed')
  })

  it('says when it is for another network', () => {
    expect(parseVoucher(text, new Uint8Array(32))).toMatchObject({ ok: false, code: 'wrong-network' })
    expect(parseVoucher(text)).toMatchObject({ ok: true })
  })

  it('notices any wrong character', () => {
    for (let at = 0; at < text.length; at++) {
      const slip = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
      expect(parseVoucher(slip), `character ${at}`).toMatchObject({ ok: false, code: 'malformed-voucher' })
    }
    for (const bad of ['', text.slice(1), `${text}AAAA`, `#join=${text}`, 'x'.repeat(9_000)])
      expect(parseVoucher(bad)).toMatchObject({ ok: false, code: 'malformed-voucher' })
  })
})
