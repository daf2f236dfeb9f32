import { afterEach, describe, expect, test, vi } from 'vitest'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { generateWebSigner, type WebSigner, webSignerFromKeyPair } from '../../../web/crypto/web-signer.ts'

async function newSigner(): Promise<WebSigner> {
  const made = await generateWebSigner()
  if (!made.ok) throw new Error(made.detail)
  return made.value
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('WebCrypto signer', () => {
  test('signs with a key that cannot be exported', async () => {
    const signer = await newSigner()
    const message = Uint8Array.of(1, 2, 3)
    const check = { publicKey: signer.publicKey, message, signature: await signer.sign(message) }
    expect(check.publicKey).toHaveLength(32)
    expect(createNobleVerifier().verifySync(check)).toBe(true)
    expect(createNobleVerifier().verifySync({ ...check, message: Uint8Array.of(4) })).toBe(false)
    for (const format of ['jwk', 'pkcs8'] as const)
      await expect(crypto.subtle.exportKey(format, signer.keyPair.privateKey)).rejects.toThrow()
  })

  test('a kept key pair is the same signer again', async () => {
    const first = await newSigner()
    const again = await webSignerFromKeyPair(structuredClone(first.keyPair))
    expect(again).toMatchObject({ ok: true, value: { publicKey: first.publicKey } })
  })

  test('key pairs of another kind are refused', async () => {
    const usages: KeyUsage[] = ['sign', 'verify']
    const exportable = (await crypto.subtle.generateKey('Ed25519', true, usages)) as CryptoKeyPair
    const other = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, usages)
    const { keyPair } = await newSigner()
    const turned = { privateKey: keyPair.publicKey, publicKey: keyPair.privateKey }
    for (const bad of [exportable, other, turned])
      expect(await webSignerFromKeyPair(bad)).toMatchObject({ ok: false, code: 'bad-key-pair' })
  })

  test('without WebCrypto, or without Ed25519 in it, it says so', async () => {
    const { keyPair } = await newSigner()
    const generateKey = async () => {
      throw new DOMException('Unrecognized algorithm name', 'NotSupportedError')
    }
    vi.stubGlobal('crypto', { subtle: { generateKey } })
    expect(await generateWebSigner()).toMatchObject({ ok: false, code: 'no-ed25519' })
    vi.stubGlobal('crypto', {})
    expect(await generateWebSigner()).toMatchObject({ ok: false, code: 'no-ed25519' })
    expect(await webSignerFromKeyPair(keyPair)).toMatchObject({ ok: false, code: 'no-ed25519' })
  })
})
