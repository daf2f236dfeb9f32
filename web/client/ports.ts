import type { DeviceProfile } from '../../shared/admission/profile.ts'
import type { Scrypt } from '../../shared/admission/puzzle.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Result } from '../../shared/errors.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { WebSigner } from '../crypto/web-signer.ts'
import type { LocalStore } from '../store/local-store.ts'
import type { PageCall, PageReplies } from '../worker/api.ts'

/** The page, which owns the network. Rejects when the page is gone or slow. */
export interface PagePort {
  call<Body extends PageCall>(body: Body): Promise<PageReplies[Body['call']]>
}

/** What the worker can find out about its machine. */
export type Hardware = Pick<DeviceProfile, 'computeScore' | 'cores' | 'memoryMiB' | 'storageMiB' | 'connection'>

/** Everything the client does not do itself, so that tests own it. */
export interface ClientPorts {
  readonly page: PagePort
  readonly verifier: SignatureVerifier
  readonly store: LocalStore
  readonly clock: TransportClock
  /** Random bytes fit for keys. */
  readonly random: (length: number) => Uint8Array
  /** A new wallet key, which cannot be exported. */
  readonly createWallet: () => Promise<Result<WebSigner>>
  readonly openWallet: (keyPair: CryptoKeyPair) => Promise<Result<WebSigner>>
  /** BIP-39 list, fetched when first needed. */
  readonly loadWords: () => Promise<readonly string[]>
  /** Fetched when first needed. */
  readonly loadScrypt: () => Promise<Scrypt>
  /** Takes some 50 ms, so it is called only when a person wants to know, or joins. */
  readonly hardware: () => Promise<Hardware>
  /** The browser has promised to keep the storage; undefined when it does not say. */
  readonly isPersisted: () => Promise<boolean | undefined>
}
