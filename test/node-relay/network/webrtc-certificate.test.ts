import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createWebRtcCertificate, WEBRTC_CERTIFICATE_YEARS } from '../../../node-relay/network/webrtc-certificate.ts'

describe('the WebRTC certificate', () => {
  it('is P-256, good for years from a day ago, and fits its key and its certhash', async () => {
    const now = Date.UTC(2026, 0, 15, 12, 0, 0, 345)
    const made = await createWebRtcCertificate(now)
    const certificate = new X509Certificate(made.pem)
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
    expect(certificate.checkPrivateKey(createPrivateKey(made.privateKey))).toBe(true)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(Date.parse(certificate.validFrom)).toBe(Date.UTC(2026, 0, 14, 12))
    const years = (Date.parse(certificate.validTo) - now) / (365.25 * 24 * 3_600_000)
    expect(years).toBeCloseTo(WEBRTC_CERTIFICATE_YEARS, 3)

    const multihash = Buffer.from(made.certhash.slice(1), 'base64url')
    expect(made.certhash[0]).toBe('u')
    expect([...multihash.subarray(0, 2)]).toEqual([0x12, 32])
    expect(multihash.subarray(2)).toEqual(createHash('sha256').update(certificate.raw).digest())
  })

  it('is another one each time', async () => {
    const [a, b] = [await createWebRtcCertificate(), await createWebRtcCertificate()]
    expect(a.certhash).not.toBe(b.certhash)
    expect(new X509Certificate(a.pem).serialNumber).not.toBe(new X509Certificate(b.pem).serialNumber)
  })
})
