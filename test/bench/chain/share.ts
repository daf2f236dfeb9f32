import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import {
  lares,
  laresWith,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../../framework/relay-process.ts'
import { type Bench, rounded } from '../figures/figure.ts'

/** Core of a PC that a relay may take, as the documentation says. */
const PROMISED_SHARE = 0.05
const RELAYS = 3
/** Of the kernel's clock in which it counts the time of a process; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const MINUTE_MS = 60_000

/** Core time that a process and its threads have taken, seconds. Linux. */
function coreSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces; utime and stime are the 14th and 15th field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function start(...flags: string[]): Promise<RelayProcess> {
  return await startRelayProcess({ flags: ['--network', 'home', '--log-level', 'info', ...flags] })
}

/** Founds a home and gives it three keepers, by the commands that its owner would use. */
async function threeKeepers(relays: RelayProcess[], say: (line: string) => void): Promise<void> {
  const first = await start()
  relays.push(first)
  const words = ownerWords(first)
  while (relays.length < RELAYS) {
    const relay = await start('--join', first.joinUrl)
    relays.push(relay)
    const { text } = await newVoucher(first.dataDir)
    const proposed = await lares(relay.dataDir, 'roster', 'propose', '--voucher', text)
    const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1]
    if (motion === undefined) throw new Error(proposed.stderr)
    const submitted = await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes')
    if (submitted.code !== 0) throw new Error(submitted.stderr)
    say(`share: ${relays.length} relays`)
  }
  for (const relay of relays) while (!(await isKeeper(relay))) await setTimeout(5_000)
}

async function isKeeper(relay: RelayProcess): Promise<boolean> {
  const shown = await lares(relay.dataDir, 'roster', 'show', '--json')
  if (shown.code !== 0) return false
  const { own, seats } = JSON.parse(shown.stdout) as { own?: { seat?: number }; seats: unknown[] }
  return own?.seat !== undefined && seats.length === RELAYS
}

async function heightOf({ localUrl }: RelayProcess): Promise<number> {
  const status = (await (await fetch(new URL('/api/v1/status', localUrl))).json()) as { tip: { height: number } }
  return status.tip.height
}

/** What three relays of one home take of a machine when nobody asks anything of them, against what mining may take. */
export const share: Bench = async ({ quick, say }) => {
  const minutes = quick ? 1 : 15
  const relays: RelayProcess[] = []
  try {
    await threeKeepers(relays, say)
    const [first] = relays as [RelayProcess]
    const from = {
      at: performance.now(),
      used: relays.map(({ pid }) => coreSeconds(pid)),
      height: await heightOf(first),
    }
    for (let minute = 1; minute <= minutes; minute++) {
      await setTimeout(MINUTE_MS)
      say(`share: minute ${minute} of ${minutes}`)
    }
    const seconds = (performance.now() - from.at) / 1_000
    const each = relays.map(({ pid }, i) => (coreSeconds(pid) - (from.used[i] as number)) / seconds)
    const together = each.reduce((sum, one) => sum + one, 0)
    return {
      name: 'share',
      question: `${RELAYS} relays of one home on one machine at default settings: the core time of their processes, against the share that mining may take.`,
      rounds: 1,
      measures: [
        { name: 'all relays together', value: rounded(100 * together), unit: '% of one core' },
        ...each.map((one, i) => ({ name: `relay ${i + 1}`, value: rounded(100 * one), unit: '% of one core' })),
        { name: 'blocks meanwhile', value: (await heightOf(first)) - from.height, unit: '' },
        { name: 'measured for', value: rounded(seconds / 60), unit: 'minutes' },
      ],
      ratios: [
        {
          name: `${RELAYS} × ${100 * PROMISED_SHARE} % / used`,
          value: rounded((RELAYS * PROMISED_SHARE) / together),
          target: 1,
        },
      ],
      notes: [
        'Real processes, three keepers with a seat each, joined by the documented commands. The core time is that which the kernel counts for a process, with all its threads: mining, templates, gossip, database.',
        'Linux only: it reads /proc.',
      ],
    }
  } finally {
    for (const relay of relays) {
      await relay.stop().catch(() => undefined)
      await removeDataDir(relay.dataDir)
    }
  }
}
