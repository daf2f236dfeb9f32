// npm run build, npm run build:static: the page for the relay, or for any HTTPS host.
import { runMain, say } from './setup/process.mjs'
import { setUp } from './setup/setup.mjs'
import { ensurePage } from './setup/web-build.mjs'

await runMain(async () => {
  const page = process.argv.includes('--static') ? 'static' : 'web'
  await ensurePage(await setUp(), page, { force: true })
  say(`The page is in dist/${page}.`)
  return 0
})
