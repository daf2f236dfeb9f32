import type { RivalName } from '../browser/messages.ts'
import type { benchPage } from '../browser/page.ts'
import { openBrowser } from './chromium.ts'
import { alternate, type Bench, rounded } from './figure.ts'
import { buildLongChain } from './long-chain.ts'

const HEADERS = 10_000
/** The plain loop is slow: its rate shows over fewer. */
const ONE_BY_ONE = 1_000
const ROUNDS = 5

/** Headers verified and stored a second in a Chromium worker, against the hashes alone and against a plain loop. */
export const headers: Bench = async ({ quick, say }) => {
  const [count, few, rounds] = quick ? [1_200, 30, 1] : [HEADERS, ONE_BY_ONE, ROUNDS]
  say(`headers: a chain of ${count}`)
  const chain = await buildLongChain(count)
  const browser = await openBrowser({
    '/network-id': chain.networkId,
    '/status': chain.status,
    '/checkpoint': chain.checkpoint,
    '/hashes': chain.hashes,
    '/items': chain.items,
    '/sealing-key': chain.sealingKey,
  })
  const meta = { link: chain.link, itemLength: chain.itemLength }
  const rival = (name: RivalName, headerCount: number) => () =>
    browser.withPage((page) =>
      page.evaluate(
        async ([of, which, amount]) => {
          const { benchPage: bench } = (await import(/* @vite-ignore */ `${location.origin}/page.js`)) as {
            benchPage: typeof benchPage
          }
          return bench.rival(of, which, amount)
        },
        [meta, name, headerCount] as const,
      ),
    )
  const follow = () =>
    browser.withPage((page) =>
      page.evaluate(async (of) => {
        const { benchPage: bench } = (await import(/* @vite-ignore */ `${location.origin}/page.js`)) as {
          benchPage: typeof benchPage
        }
        return bench.follow(of)
      }, meta),
    )
  try {
    say('headers: rounds in Chromium')
    const rates = await alternate(rounds, {
      ours: follow,
      hashes: rival('hashes', count),
      hashesAndSeals: rival('hashes-and-seals', count),
      oneByOne: rival('one-by-one', few),
    })
    return {
      name: 'headers',
      question:
        'Headers verified and stored a second in a Chromium worker, as a share of the rate of just the hashes needed, and against a loop that verifies with @noble and puts one header at a time.',
      rounds,
      measures: [
        { name: 'verified and stored', value: rounded(rates.ours), unit: 'headers/s' },
        { name: 'limit: the hashes alone', value: rounded(rates.hashes), unit: 'headers/s' },
        {
          name: 'limit: the hashes, and every seal by WebCrypto',
          value: rounded(rates.hashesAndSeals),
          unit: 'headers/s',
        },
        { name: 'rival: @noble, one put a header', value: rounded(rates.oneByOne), unit: 'headers/s' },
      ],
      ratios: [
        { name: 'verified and stored / hashes alone', value: rounded(rates.ours / rates.hashes) },
        { name: 'verified and stored / hashes and seals', value: rounded(rates.ours / rates.hashesAndSeals) },
        { name: 'verified and stored / @noble and one put', value: rounded(rates.ours / rates.oneByOne), target: 10 },
      ],
      notes: [
        `Chromium ${browser.version}, ${count} headers above genesis, answers of up to 1,000 that lie in the page's memory; a new database each round.`,
        "verified and stored: the product's worker behind the product's page part, from the server's arrival until the newest header is in IndexedDB, as a second connection sees it. Every rule, the history and roster roots, and every seal (WebCrypto); fork graph; packed chunks.",
        'the hashes alone: SHA-256d of each header, its history leaf, the mountain-range nodes it completes, the nodes over the peaks and the root, with the SHA-256 that the product uses in a browser (@noble/hashes), in one worker.',
        `the rival: for each header decode, SHA-256d, parent and target, \`ed25519.verify\` of @noble/curves, one IndexedDB put awaited; over ${few} headers. It checks no history root and no difficulty, so it does less.`,
        'A seal on a settled stretch adds nothing to the last ones (DESIGN 7), but the light node verifies all it is sent.',
      ],
    }
  } finally {
    await browser.close()
  }
}
