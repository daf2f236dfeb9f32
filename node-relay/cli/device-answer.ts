import { LaresError } from '../../shared/errors.ts'
import type { DeviceAgent } from '../device-agent/agent.ts'
import type { RelayClient } from '../device-agent/relay-client.ts'
import { type CliContext, type Command, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { agentOf, KEY_FLAG, keyFileOf, pause, RELAY_FLAG, relayOf } from './device-context.ts'
import { qrLines } from './qr.ts'
import { countOf, formatJson, formatTime } from './text.ts'

/** How long the relay holds a request open for news, seconds. */
const WAIT_SECONDS = 20
/** A watching device renews its lease this often, and each time for an hour, ms. */
const RENEW_MS = 20 * 60_000
const LEASE_MS = 60 * 60_000
/** After a failure, doubled up to the longest, ms. */
const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 60_000

export const deviceAnswer: Command = {
  name: 'device answer',
  parameters: '--key FILE [--relay URL] [--nonce TEXT | --watch]',
  summary: 'on a board: prove to who asks that this device is genuine',
  flags: {
    key: KEY_FLAG,
    relay: RELAY_FLAG,
    nonce: { type: 'string', hint: 'TEXT', help: 'a challenge as text (LARESC1…); without --relay nothing is sent' },
    watch: { type: 'boolean', hint: '', help: 'answer until Ctrl-C, and say each 20 minutes that the device is alive' },
    json: JSON_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const { values } = input
    if (values['nonce'] !== undefined && values['watch'] === true)
      throw new LaresError('usage', 'Give either --nonce TEXT or --watch.')
    const file = await keyFileOf(input, context)
    const agent = await agentOf(file)
    if (values['nonce'] !== undefined) {
      const relay = values['relay'] === undefined ? undefined : await relayOf(input, file)
      return await answerOne(agent, relay, String(values['nonce']), values['json'] === true, context)
    }
    const relay = await relayOf(input, file)
    if (values['watch'] === true) return await watch(agent, relay, context)
    const nonces = await agent.answerOpen(relay, context.now, 0)
    if (values['json'] === true) context.print(formatJson({ answered: nonces }))
    else context.print(nonces.length === 0 ? 'Nobody asks.' : `Answered ${countOf(nonces.length, 'challenge')}.`)
    return EXIT_OK
  },
}

async function answerOne(
  agent: DeviceAgent,
  relay: RelayClient | undefined,
  text: string,
  json: boolean,
  context: CliContext,
): Promise<number> {
  const { formatChallengeAnswer, parseChallenge } = await import('../../shared/device-profile/challenge.ts')
  const nonce = parseChallenge(text, agent.membership.networkId)
  if (!nonce.ok) throw new LaresError(nonce.code, nonce.detail)
  const answer = await agent.answer(nonce.value, context.now())
  const answerText = formatChallengeAnswer(answer)
  if (relay !== undefined) await agent.send(relay, answer)
  if (json) {
    context.print(formatJson({ answer: answerText, sent: relay !== undefined }))
    return EXIT_OK
  }
  const colours = context.columns !== undefined && context.env['NO_COLOR'] === undefined
  const code = qrLines(answerText, { columns: context.columns, colours })
  context.print([answerText, ...(code === undefined ? [] : ['', ...code])].join('\n'))
  return EXIT_OK
}

async function watch(agent: DeviceAgent, relay: RelayClient, context: CliContext): Promise<number> {
  const { signal, now } = context
  let renewAt = 0
  let pauseMs = FIRST_PAUSE_MS
  let said: string | undefined
  while (!signal.aborted) {
    try {
      if (now() >= renewAt) {
        await agent.renew(relay, now(), now() + LEASE_MS)
        renewAt = now() + RENEW_MS
      }
      const nonces = await agent.answerOpen(relay, now, WAIT_SECONDS, signal)
      if (nonces.length > 0) context.print(`${formatTime(now())}  Answered ${countOf(nonces.length, 'challenge')}.`)
      pauseMs = FIRST_PAUSE_MS
      said = undefined
    } catch (error) {
      if (signal.aborted) break
      if (!(error instanceof LaresError)) throw error
      // Said once: a relay that is away for the night is no news each minute.
      if (error.code !== said) context.printError(`${formatTime(now())}  ${error.message}`)
      said = error.code
      if (error.code === 'retired') return EXIT_FAILED
      await pause(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
  }
  return EXIT_OK
}
