import { fileURLToPath } from 'node:url'
import preact from '@preact/preset-vite'
import { defineConfig } from 'vitest/config'

const ROOT = fileURLToPath(new URL('.', import.meta.url))

/** Modes: production (served by the relay), static (any HTTPS host), test (vitest). */
export default defineConfig(({ mode }) => ({
  root: mode === 'test' ? ROOT : `${ROOT}web`,
  plugins: mode === 'test' ? [] : [preact()],
  build: {
    outDir: `${ROOT}dist/${mode === 'static' ? 'static' : 'web'}`,
    emptyOutDir: true,
    target: 'es2023',
  },
  worker: { format: 'es' },
  test: {
    include: ['test/{shared,node-relay,web,scripts,framework,functional,conformance}/**/*.test.{ts,tsx}'],
    environment: 'node',
    // Processes, not threads: tests open databases and sockets through native code.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
}))
