import { fileURLToPath } from 'node:url'
import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'

const ROOT = fileURLToPath(new URL('.', import.meta.url))

/** The views over sample data: `vite --config test/web/ui/vite.config.ts` to look at them, and the browser tests' build. */
export default defineConfig({
  root: ROOT,
  plugins: [preact()],
  build: {
    outDir: fileURLToPath(new URL('../../../.cache/ui-sample', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: { input: `${ROOT}sample.html` },
  },
  worker: { format: 'es' },
})
