import { fileURLToPath } from 'node:url'
import preact from '@preact/preset-vite'
import type { Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { defineConfig } from 'vitest/config'

const ROOT = fileURLToPath(new URL('.', import.meta.url))

/**
 * Only the page's own code runs, and no text becomes code. Connections go anywhere: a technician audits many networks,
 * and relays prove who they are by their own handshake. (WebRTC is not subject to connect-src.)
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self' https: http: wss: ws:",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** As a meta tag, so that it holds on any host; the development server needs inline scripts and goes without. */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: CONTENT_SECURITY_POLICY },
        injectTo: 'head-prepend',
      },
    ],
  }
}

/** Installable, and there when the relay sleeps. A newer version waits until the person accepts it. */
function progressiveWebApp() {
  return VitePWA({
    registerType: 'prompt',
    injectRegister: false,
    manifest: {
      name: 'Lares',
      short_name: 'Lares',
      description: 'Checks whether a device is registered, with a proof that this browser verifies itself.',
      start_url: './',
      scope: './',
      display: 'standalone',
      background_color: '#f4f6f5',
      theme_color: '#0f5f4a',
      icons: [
        { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
        { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
        { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
      ],
    },
    workbox: {
      globPatterns: ['**/*.{js,css,html,svg,png}'],
      navigateFallback: 'index.html',
      navigateFallbackDenylist: [/\/api\//, /\/healthz/],
      cleanupOutdatedCaches: true,
    },
  })
}

/** Modes: production (served by the relay), static (any HTTPS host), test (vitest). */
export default defineConfig(({ mode }) => ({
  root: mode === 'test' ? ROOT : `${ROOT}web`,
  // The static page may lie in any folder of its host.
  base: mode === 'static' ? './' : '/',
  resolve: mode === 'test' ? {} : { alias: { '@libp2p/logger': `${ROOT}web/network/quiet-logger.ts` } },
  plugins: mode === 'test' ? [] : [preact(), contentSecurityPolicy(), progressiveWebApp()],
  build: {
    outDir: `${ROOT}dist/${mode === 'static' ? 'static' : 'web'}`,
    emptyOutDir: true,
    target: 'es2023',
    // Every browser with WebRTC and Web Locks has it.
    modulePreload: { polyfill: false },
    // libp2p, loaded late and beside the worker, is the largest part and cannot be smaller.
    chunkSizeWarningLimit: 700,
  },
  worker: { format: 'es' },
  test: {
    include: ['test/{shared,node-relay,web,scripts,framework,functional,conformance}/**/*.test.{ts,tsx}'],
    environment: 'node',
    // Processes, not threads: tests open databases and sockets through native code.
    pool: 'forks',
    maxWorkers: 2,
    // What hangs is ended; how fast something is, only a benchmark says.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
}))
