/** Composition root of the worker: the platform's clock, random numbers, keys and database behind the client's ports. */
import { App } from '../client/app.ts'
import { generateWebSigner, webSignerFromKeyPair } from '../crypto/web-signer.ts'
import { createWebVerifier } from '../crypto/web-verifier.ts'
import { openIndexedDbStore } from '../store/indexed-db-store.ts'
import type { PageCall, PageReplies, ViewChanged, WorkerCall, WorkerReplies } from './api.ts'
import { type Bridge, type BridgePort, createBridge } from './bridge.ts'
import { readHardware } from './hardware.ts'

type PageBridge = Bridge<PageCall, PageReplies, ViewChanged>

/** Probing the engine takes a moment, and calls may come before it is done: they wait for it. */
const verifier = createWebVerifier()

const app = new App({
  ports: {
    page: { call: (body) => bridge.call(body) },
    verifier: {
      verify: async (check) => (await verifier).verify(check),
      verifyBatch: async (checks) => (await verifier).verifyBatch(checks),
    },
    clock: {
      now: () => Date.now(),
      after(delayMs, task) {
        const timer = setTimeout(task, delayMs)
        return () => clearTimeout(timer)
      },
    },
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    createWallet: () => generateWebSigner(),
    openWallet: (keyPair) => webSignerFromKeyPair(keyPair),
    loadWords: async () => (await import('../../shared/crypto/recovery-wordlist.ts')).RECOVERY_WORDLIST,
    loadScrypt: async () => (await import('../crypto/web-scrypt.ts')).webScrypt,
    hardware: readHardware,
    isPersisted: async () => {
      const { storage } = navigator as { readonly storage?: Partial<StorageManager> }
      return storage?.persisted?.().catch(() => undefined)
    },
  },
  openStore: (onLoss) => openIndexedDbStore({ onLoss }),
  onView: (view) => bridge.emit({ event: 'view', view }),
})

const bridge: PageBridge = createBridge<PageCall, PageReplies, WorkerCall, WorkerReplies, ViewChanged>({
  port: globalThis as unknown as BridgePort,
  handlers: app.handlers(),
})
