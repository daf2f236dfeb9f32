import { resolve } from 'node:path'
import { toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import type { ParsedFlags, Setting } from '../config.ts'
import type { DeviceAgent } from '../device-agent/agent.ts'
import type { RelayClient } from '../device-agent/relay-client.ts'
import { type CliContext, type Command, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { agentOf, KEY_FLAG, keyFileOf, pause, RELAY_FLAG, relayOf } from './device-context.ts'
import { formatJson, formatTable, formatTime } from './text.ts'

/** A renewal is looked for this often, ms, and so many times: ten minutes. */
const LOOK_MS = 2_000
const LOOKS = 300
const HOUR_MS = 3_600_000
/** The longest lease of the profile. */
const MAX_HOURS = 24

export const deviceRenew: Command = {
  name: 'device renew',
  parameters: '--key FILE [--relay URL] [--certificate FILE --certificate-key FILE]',
  summary: 'on a board: say that this device is alive, or renew the certificate that it came in by',
  flags: {
    key: KEY_FLAG,
    relay: RELAY_FLAG,
    certificate: {
      type: 'string',
      hint: 'FILE',
      help: 'renew by this certificate of the same key and those above it, its root last (PEM)',
    },
    'certificate-key': { type: 'string', hint: 'FILE', help: 'the private key of that certificate (PEM or DER)' },
    hours: { type: 'string', hint: 'N', help: `for how long (default 1, at most ${MAX_HOURS})` },
    json: JSON_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const { values } = input
    if ((values['certificate'] === undefined) !== (values['certificate-key'] === undefined))
      throw new LaresError('usage', '--certificate and --certificate-key belong together.')
    if (values['certificate'] !== undefined && values['hours'] !== undefined)
      throw new LaresError('usage', 'A certificate runs for as long as it says: leave out --hours.')
    const hours = hoursOf(values['hours'])
    const file = await keyFileOf(input, context)
    const agent = await agentOf(file)
    if (values['certificate'] !== undefined)
      return await renewCertificate(agent, await relayOf(input, file), input, context)
    const now = context.now()
    const answer = await agent.renew(await relayOf(input, file), now, now + hours * HOUR_MS)
    if (input.values['json'] === true) context.print(formatJson(answer))
    else context.print(`The relay counts this device as alive until ${formatTime(answer.until)}.`)
    return EXIT_OK
  },
}

async function renewCertificate(
  agent: DeviceAgent,
  relay: RelayClient,
  { values }: ParsedFlags,
  context: CliContext,
): Promise<number> {
  const { readCertifiedKey } = await import('../device-agent/certified-key.ts')
  const files = [values['certificate'], values['certificate-key']].map((path) => resolve(context.cwd, String(path)))
  const key = readCertifiedKey(files[0] as string, files[1] as string)
  const { transactionId, notAfter, sequence } = await agent.renewCertificate(relay, key)
  for (let looks = 0; looks < LOOKS && !context.signal.aborted; looks++) {
    if (((await agent.state(relay)).sequence ?? 0) >= sequence) break
    await pause(LOOK_MS, context.signal)
  }
  const inBlock = ((await agent.state(relay)).sequence ?? 0) >= sequence
  if (values['json'] === true) context.print(formatJson({ transactionId, notAfter, inBlock }))
  else
    context.print(
      inBlock
        ? `The certificate of this device is good until ${formatTime(notAfter)}.`
        : `The renewal is on its way with transaction ${transactionId}; the same again does no harm.`,
    )
  return inBlock ? EXIT_OK : EXIT_FAILED
}

export const deviceRetire: Command = {
  name: 'device retire',
  parameters: '--key FILE [--relay URL]',
  summary: 'on a board: leave the network for good',
  flags: { key: KEY_FLAG, relay: RELAY_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const file = await keyFileOf(input, context)
    const agent = await agentOf(file)
    const transactionId = await agent.retire(await relayOf(input, file))
    if (input.values['json'] === true) context.print(formatJson({ transactionId }))
    else context.print(`This device leaves the network with transaction ${transactionId}.`)
    return EXIT_OK
  },
}

export const deviceShow: Command = {
  name: 'device show',
  parameters: '--key FILE [--relay URL]',
  summary: 'on a board: who this device is, and where it stands',
  flags: { key: KEY_FLAG, relay: RELAY_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const { formatDeviceId } = await import('../../shared/identity/device-id.ts')
    const { createNodeSigner } = await import('../crypto/node-signer.ts')
    const file = await keyFileOf(input, context)
    const { membership } = file
    const keys = { walletKey: toHex(createNodeSigner(file.seed).publicKey), recoveryKey: toHex(file.recoveryKey) }
    const member = membership && {
      deviceId: formatDeviceId(membership.networkId, membership.deviceId),
      networkId: toHex(membership.networkId),
      relay: membership.relay,
      state: (await (await agentOf(file)).state(await relayOf(input, file))).state,
    }
    if (input.values['json'] === true) {
      context.print(formatJson({ ...keys, ...member }))
      return EXIT_OK
    }
    context.print(
      formatTable([
        ['Wallet key', keys.walletKey],
        ['Recovery key', keys.recoveryKey],
        ...(member === undefined
          ? [['State', 'has not joined a network']]
          : [
              ['Device ID', member.deviceId],
              ['Network', member.networkId],
              ['Relay', member.relay],
              ['State', member.state],
            ]),
      ]),
    )
    return EXIT_OK
  },
}

/** @throws {LaresError} `usage` */
function hoursOf(text: Setting | undefined): number {
  if (text === undefined) return 1
  const hours = typeof text === 'string' && /^\d{1,2}$/.test(text) ? Number(text) : 0
  if (hours < 1 || hours > MAX_HOURS)
    throw new LaresError('usage', `--hours must be a whole number from 1 to ${MAX_HOURS}, not "${text}".`)
  return hours
}
