import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { AdminDevice } from '../http/admin-socket.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { assertOutput } from './output-file.ts'
import { formatJson } from './text.ts'
import { describeVerdict, refused, verifyProof } from './verdict.ts'

/** Nothing in a proof is secret. */
const PROOF_FILE_MODE = 0o644
const MAX_PROOF_BYTES = 1024 * 1024

export const proofExport: Command = {
  name: 'proof export',
  parameters: 'ID',
  summary: 'write a proof that anybody can verify offline',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    out: { type: 'string', hint: 'FILE', help: 'where to (default: <ID>.lares-proof)' },
    json: JSON_FLAG,
  },
  positionals: ['ID'],
  async run(input, context) {
    const id = (input.positionals[0] ?? '').trim()
    const answer = await askRelay<AdminDevice>(dataDirOf(input, context), `/devices/${encodeURIComponent(id)}`)
    const file = resolve(context.cwd, (input.values['out'] as string | undefined) ?? `${answer.deviceId}.lares-proof`)
    const bundle = Buffer.from(answer.bundle, 'base64url')
    assertOutput(file)
    try {
      writeFileAtomic(file, bundle, PROOF_FILE_MODE)
    } catch (error) {
      throw new LaresError(
        'cannot-write',
        `${file} cannot be written (${(error as NodeJS.ErrnoException).code}); choose another with --out.`,
      )
    }
    if (input.values['json'] === true) context.print(formatJson({ file, bytes: bundle.length, state: answer.state }))
    else
      context.print(`${file}: ${bundle.length} bytes, says "${answer.state}". Verify it with: lares proof verify FILE`)
    return EXIT_OK
  },
}

export const proofVerify: Command = {
  name: 'proof verify',
  parameters: 'FILE',
  summary: 'check a proof offline, trusting only the network ID',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    network: { type: 'string', hint: 'ID', help: "network ID, 64 hex digits (default: this PC's relay's)" },
    json: JSON_FLAG,
  },
  positionals: ['FILE'],
  async run(input, context) {
    const path = resolve(context.cwd, input.positionals[0] ?? '')
    const networkId =
      (input.values['network'] as string | undefined)?.toLowerCase() ?? (await ownNetworkId(dataDirOf(input, context)))
    if (!/^[0-9a-f]{64}$/.test(networkId))
      throw new LaresError('usage', '--network must be a network ID of 64 hex digits.')
    const verified = await verifyProof(readProof(path), networkId)
    if (!verified.ok) throw refused(verified.code, verified.detail)
    context.print(input.values['json'] === true ? formatJson(verified.value) : describeVerdict(verified.value))
    return EXIT_OK
  },
}

function readProof(path: string): Uint8Array {
  try {
    if (statSync(path).size > MAX_PROOF_BYTES)
      throw new LaresError('not-a-proof', `${path} is too large for a proof; check the file name.`)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof LaresError) throw error
    throw new LaresError(
      'cannot-read',
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}); check the file name.`,
    )
  }
}

async function ownNetworkId(dataDir: string): Promise<string> {
  const { readRelayFile } = await import('../full-node/relay-file.ts')
  try {
    return readRelayFile(dataDir).networkId
  } catch {
    throw new LaresError('usage', 'No relay of this PC says which network to trust; name it with --network ID.')
  }
}
