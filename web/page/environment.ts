import type { Failure } from '../worker/api.ts'

/** What the browser has, read once before anything starts. */
export interface BrowserFacts {
  readonly secure: boolean
  readonly webrtc: boolean
  readonly storage: boolean
  readonly locks: boolean
  readonly workers: boolean
}

/** The first thing that is missing, as one sentence that says what to do; undefined when the page can start. */
export function findObstacle(facts: BrowserFacts): Failure | undefined {
  if (!facts.secure)
    return obstacle(
      'insecure-origin',
      'This page was opened over plain http, where a browser has no safe place for keys: open the https:// address that the relay printed.',
    )
  if (!facts.workers || !facts.locks)
    return obstacle(
      'old-browser',
      'This browser is too old for this page: update it, or use a current Chrome, Edge, Firefox or Safari.',
    )
  if (!facts.webrtc)
    return obstacle(
      'no-webrtc',
      'WebRTC is switched off in this browser, so it cannot reach a relay: switch it on in the settings or in the extension that blocks it, then reload.',
    )
  if (!facts.storage)
    return obstacle(
      'no-storage',
      'This window may not store anything, so it could not keep an identity: open the page in a normal window instead of a private one.',
    )
  return undefined
}

function obstacle(code: string, sentence: string): Failure {
  return { ok: false, code, sentence }
}

export async function readBrowserFacts(): Promise<BrowserFacts> {
  const scope: Partial<typeof globalThis> = globalThis
  return {
    secure: scope.isSecureContext === true,
    webrtc: scope.RTCPeerConnection !== undefined,
    workers: scope.Worker !== undefined && scope.BroadcastChannel !== undefined,
    locks: (navigator as Partial<Navigator>).locks !== undefined,
    storage: await canStore(scope.indexedDB),
  }
}

/** Some private modes have the interface and refuse to open anything. */
async function canStore(factory: IDBFactory | undefined): Promise<boolean> {
  if (factory === undefined) return false
  const name = 'lares-probe'
  return new Promise((resolve) => {
    try {
      const request = factory.open(name)
      request.onerror = () => resolve(false)
      request.onsuccess = () => {
        request.result.close()
        factory.deleteDatabase(name)
        resolve(true)
      }
    } catch {
      resolve(false)
    }
  })
}
