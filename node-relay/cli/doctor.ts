import { RELAY_FLAGS, readRelayConfig } from '../config.ts'
import { examine, type Finding } from '../doctor.ts'
import type { AdminStatus } from '../http/admin-socket.ts'
import { askRelay } from './admin-client.ts'
import { type Command, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { formatJson } from './text.ts'

const MARKS: Readonly<Record<Finding['state'], string>> = { good: 'ok  ', warning: 'note', bad: 'BAD ' }

export const doctor: Command = {
  name: 'doctor',
  parameters: '[flags of start]',
  summary: 'look at addresses, ports, firewall, clock and disk',
  flags: { ...RELAY_FLAGS, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const { json, ...values } = input.values
    const args = Object.entries(values).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`))
    const config = readRelayConfig(args, context)
    if (!config.ok) {
      context.printError(config.detail)
      return EXIT_FAILED
    }
    // It examines a machine without a running relay, too, and says which it found.
    const running = await askRelay<AdminStatus>(config.value.dataDir, '/status').catch(() => undefined)
    const findings = await examine({ config: config.value, running, now: context.now() })
    context.print(
      json === true
        ? formatJson(findings)
        : findings
            .map(({ subject, state, sentence }) => `${MARKS[state]}  ${subject.padEnd(10)} ${sentence}`)
            .join('\n'),
    )
    return findings.some(({ state }) => state === 'bad') ? EXIT_FAILED : EXIT_OK
  },
}
