/// <reference types="vite-plugin-pwa/vanillajs" />
import { registerSW } from 'virtual:pwa-register'

/** How often a page that stays open looks for a newer version of itself, milliseconds. */
const LOOK_EVERY_MS = 60 * 60_000

/**
 * Registers the service worker. A newer version is fetched, and waits until the person accepts it.
 * Where the browser refuses service workers (a certificate it was told to accept by hand) the page works without one.
 * @returns accepts the waiting version and reloads
 */
export function watchUpdates(onReady: () => void): () => void {
  const update = registerSW({
    onNeedRefresh: onReady,
    onRegisteredSW(_url, registration) {
      if (registration !== undefined)
        setInterval(() => void registration.update().catch(() => undefined), LOOK_EVERY_MS)
    },
    onRegisterError: (error: unknown) =>
      console.info('No service worker: the page works while its server does.', error),
  })
  return () => void update()
}
