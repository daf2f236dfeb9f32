import { resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { Flag, ParsedFlags } from '../config.ts'
import type { DeviceAgent } from '../device-agent/agent.ts'
import type { DeviceKeyFile } from '../device-agent/key-file.ts'
import type { RelayClient } from '../device-agent/relay-client.ts'
import type { CliContext } from './command.ts'

export const KEY_FLAG: Flag = { type: 'string', hint: 'FILE', help: "the device's key file" }
export const RELAY_FLAG: Flag = {
  type: 'string',
  hint: 'URL',
  help: 'the relay, like http://192.168.1.2:4670 (default: the one that the device joined at)',
}

/** The key file that a command names. @throws {LaresError} `usage`, and those of reading it */
export async function keyFileOf({ values }: ParsedFlags, { cwd }: CliContext): Promise<DeviceKeyFile> {
  const { readKeyFile } = await import('../device-agent/key-file.ts')
  const path = values['key']
  if (typeof path !== 'string') throw new LaresError('usage', 'Name the key file: --key FILE.')
  return readKeyFile(resolve(cwd, path))
}

/** @throws {LaresError} `usage` when neither the flags nor the key file name a relay */
export async function relayOf({ values }: ParsedFlags, file: DeviceKeyFile): Promise<RelayClient> {
  const { createRelayClient } = await import('../device-agent/relay-client.ts')
  const address = (values['relay'] as string | undefined) ?? file.membership?.relay
  if (address === undefined) throw new LaresError('usage', 'Name the relay: --relay URL.')
  return createRelayClient(address)
}

/** A device that knows its network. @throws {LaresError} `not-joined` */
export async function agentOf(file: DeviceKeyFile): Promise<DeviceAgent> {
  const { createDeviceAgent } = await import('../device-agent/agent.ts')
  if (file.membership === undefined)
    throw new LaresError('not-joined', 'This device has not joined a network yet; use "lares device join".')
  return createDeviceAgent(file, file.membership)
}

/** Resolves after so many ms, or when the command is ended. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal.aborted) done()
    else signal.addEventListener('abort', done, { once: true })
  })
}
