import { parseDeviceId } from '../../shared/identity/device-id.ts'
import type { AdminDevice, AdminStatus } from '../http/admin-socket.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { formatJson } from './text.ts'
import { describeVerdict, refused, verifyProof } from './verdict.ts'

export const audit: Command = {
  name: 'audit',
  parameters: 'ID',
  summary: 'is this device ID in the ledger? Exit code 0 only if it is registered',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: ['ID'],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const id = (input.positionals[0] ?? '').trim()
    const answer = await askRelay<AdminDevice>(dataDir, `/devices/${encodeURIComponent(id)}`)
    const { networkId } = await askRelay<AdminStatus>(dataDir, '/status')
    // The relay's word is not taken: its proof is verified here, and must be about the ID that was asked for.
    const asked = parseDeviceId(id)
    if (!asked.ok) throw refused(asked.code, asked.detail)
    const verified = await verifyProof(Buffer.from(answer.bundle, 'base64url'), networkId, asked.value.deviceId)
    if (!verified.ok) throw refused(verified.code, verified.detail)
    const verdict = { ...verified.value, pending: answer.pending }
    if (input.values['json'] === true) context.print(formatJson(verdict))
    else {
      context.print(describeVerdict(verdict))
      if (answer.pending) context.print('  Pending     its registration is in the newest blocks and not settled yet')
    }
    return verdict.verdict === 'registered' ? EXIT_OK : EXIT_FAILED
  },
}
