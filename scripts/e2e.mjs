// npm run e2e [-- filter]: the browser tests alone.
import { ensureChromium } from './setup/chromium.mjs'
import { runMain } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { runE2e } from './setup/suites.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const node = await setUp()
  const chromium = await ensureChromium(node)
  await ensurePage(node, 'web')
  await ensurePage(node, 'static')
  return (await runE2e(node, chromium, process.argv.slice(2))).failed === 0 ? 0 : 1
})
