import { resolve } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import type { Setting } from '../config.ts'
import { type Command, EXIT_OK, JSON_FLAG } from './command.ts'
import { formatJson } from './text.ts'

export const deviceKeygen: Command = {
  name: 'device keygen',
  parameters: '--out FILE [--recovery-key HEX]',
  summary: 'on a board: make the key of a small device',
  flags: {
    out: { type: 'string', hint: 'FILE', help: 'where the key goes (0600; never overwritten)' },
    'recovery-key': {
      type: 'string',
      hint: 'HEX',
      help: "the owner's public recovery key, 64 hex digits (default: new recovery words, shown once)",
    },
    json: JSON_FLAG,
  },
  positionals: [],
  async run({ values }, context) {
    const path = values['out']
    if (typeof path !== 'string') throw new LaresError('usage', 'Say where the key goes: --out FILE.')
    const given = recoveryKeyOf(values['recovery-key'])
    const { createNodeSigner, generateSeed } = await import('../crypto/node-signer.ts')
    const { createKeyFile } = await import('../device-agent/key-file.ts')
    const recovery = given === undefined ? await newRecovery() : { key: given, words: undefined }
    const seed = generateSeed()
    const file = resolve(context.cwd, path)
    createKeyFile(file, seed, recovery.key)
    const walletKey = toHex(createNodeSigner(seed).publicKey)
    const recoveryKey = toHex(recovery.key)
    if (values['json'] === true) {
      context.print(formatJson({ file, walletKey, recoveryKey, recoveryWords: recovery.words }))
      return EXIT_OK
    }
    context.print(`The key is in ${file}. Its public half, for "lares enroll":\n  ${walletKey}`)
    if (recovery.words !== undefined)
      context.print(
        [
          '',
          'RECOVERY WORDS OF THIS DEVICE, shown only now and kept nowhere:',
          `  ${recovery.words}`,
          'Write them down: with them its key is replaced or retired when the board is lost or stolen.',
          "(A device that is enrolled by its public key gets the operator's recovery key instead.)",
        ].join('\n'),
      )
    return EXIT_OK
  },
}

async function newRecovery(): Promise<{ key: Uint8Array; words: string }> {
  const { randomBytes } = await import('node:crypto')
  const { RECOVERY_WORDLIST } = await import('../../shared/crypto/recovery-wordlist.ts')
  const words = await import('../../shared/crypto/recovery-words.ts')
  const { createNodeSigner } = await import('../crypto/node-signer.ts')
  const entropy = new Uint8Array(randomBytes(words.RECOVERY_ENTROPY_LENGTH))
  const key = createNodeSigner(words.deriveSeed(entropy, 'recovery')).publicKey
  return { key, words: words.encodeRecoveryWords(entropy, RECOVERY_WORDLIST) }
}

/** @throws {LaresError} `usage` */
function recoveryKeyOf(text: Setting | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  if (typeof text === 'string' && /^[0-9a-f]{64}$/i.test(text)) return fromHex(text)
  throw new LaresError('usage', '--recovery-key must be a public key of 64 hex digits.')
}
