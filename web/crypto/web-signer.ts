import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { toPlainBuffer } from './plain-buffer.ts'

/** Signs with a private key that the browser holds and never gives out. */
export interface WebSigner extends Signer {
  /** To be kept in IndexedDB, which stores a key without revealing it. */
  readonly keyPair: CryptoKeyPair
}

/**
 * `no-ed25519`: this browser, or this insecure origin, has no Ed25519 in WebCrypto. There is no fallback: any other
 * place for the key could be read by whatever runs on the page. `bad-key-pair`: not Ed25519 sign and verify keys, or
 * the private one can be exported.
 */
export type WebSignerCode = 'no-ed25519' | 'bad-key-pair'

function ownSubtle(): SubtleCrypto | undefined {
  return globalThis.crypto?.subtle as SubtleCrypto | undefined
}

function noEd25519(reason: string): Result<never, 'no-ed25519'> {
  return reject('no-ed25519', `keys cannot be kept safe here: ${reason}`)
}

/** Makes a new key; the private half is not extractable. */
export async function generateWebSigner(subtle = ownSubtle()): Promise<Result<WebSigner, WebSignerCode>> {
  if (subtle === undefined) return noEd25519('no WebCrypto, which needs https or localhost')
  try {
    const keyPair = (await subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
    return await webSignerFromKeyPair(keyPair, subtle)
  } catch (error) {
    return noEd25519(`WebCrypto has no Ed25519 (${(error as Error).message})`)
  }
}

/** Takes up a key pair made by {@link generateWebSigner} and kept since. */
export async function webSignerFromKeyPair(
  keyPair: CryptoKeyPair,
  subtle = ownSubtle(),
): Promise<Result<WebSigner, WebSignerCode>> {
  if (subtle === undefined) return noEd25519('no WebCrypto, which needs https or localhost')
  const { privateKey, publicKey } = keyPair
  const isEd25519 = privateKey.algorithm.name === 'Ed25519' && publicKey.algorithm.name === 'Ed25519'
  if (!isEd25519 || !privateKey.usages.includes('sign') || publicKey.type !== 'public')
    return reject('bad-key-pair', 'the kept keys are not an Ed25519 pair')
  if (privateKey.extractable) return reject('bad-key-pair', 'the kept private key could be exported')
  const raw = new Uint8Array(await subtle.exportKey('raw', publicKey))
  return accept({
    keyPair,
    publicKey: raw,
    async sign(message: Uint8Array) {
      return new Uint8Array(await subtle.sign('Ed25519', privateKey, toPlainBuffer(message)))
    },
  })
}
