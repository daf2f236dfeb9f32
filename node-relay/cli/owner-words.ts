import { createInterface } from 'node:readline'
import { toHex } from '../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, deriveSeed } from '../../shared/crypto/recovery-words.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { MAX_OWNERS, type Roster } from '../../shared/roster/roster.ts'
import { createNodeSigner } from '../crypto/node-signer.ts'
import type { CliContext } from './command.ts'

/**
 * The owners whose recovery words are typed, or come line by line on standard input. The words are kept nowhere.
 * @throws {LaresError} `bad-words`
 */
export async function askOwners(context: CliContext): Promise<Signer[]> {
  const owners: Signer[] = []
  for await (const line of wordLines(context)) {
    const entropy = decodeRecoveryWords(line, RECOVERY_WORDLIST)
    if (!entropy.ok) throw new LaresError('bad-words', `These are not recovery words: ${entropy.detail}.`)
    owners.push(createNodeSigner(deriveSeed(entropy.value, 'owner')))
  }
  if (owners.length === 0)
    throw new LaresError(
      'bad-words',
      "The owner's recovery words are needed; type them, or pass them on standard input.",
    )
  return owners
}

/**
 * The key that may replace the keys of a relay, from its words: typed, or a line on standard input. They are kept nowhere.
 * @throws {LaresError} `bad-words`
 */
export async function askRelayWords(context: CliContext): Promise<Signer> {
  const line = await firstLine(context)
  if (line === '')
    throw new LaresError(
      'bad-words',
      'The recovery words of this relay are needed; type them, or pass them on standard input.',
    )
  const entropy = decodeRecoveryWords(line, RECOVERY_WORDLIST)
  if (!entropy.ok) throw new LaresError('bad-words', `These are not recovery words: ${entropy.detail}.`)
  return createNodeSigner(deriveSeed(entropy.value, 'recovery'))
}

async function firstLine({ ask }: CliContext): Promise<string> {
  if (ask !== undefined) return (await ask('Recovery words of this relay: ', 'wiped')).trim()
  for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') return line.trim()
  return ''
}

/**
 * Enough owners of this network, by their number.
 * @throws {LaresError} `bad-words`, `not-the-owner`
 */
export async function askSigningOwners(
  owners: { readonly threshold: number; readonly keys: readonly string[] },
  context: CliContext,
): Promise<[owner: number, signer: Signer][]> {
  const signers = new Map<number, Signer>()
  for (const signer of await askOwners(context)) {
    const owner = owners.keys.indexOf(toHex(signer.publicKey))
    if (owner >= 0) signers.set(owner, signer)
  }
  if (signers.size < owners.threshold) throw notTheOwner(owners.threshold, signers.size)
  return [...signers].sort(([a], [b]) => a - b)
}

function notTheOwner(threshold: number, right: number): LaresError {
  return new LaresError(
    'not-the-owner',
    threshold === 1
      ? 'These are not the recovery words of the owner of this network. Nothing was changed.'
      : `The words of ${threshold} owners of this network are needed, ${right} were right. Nothing was changed.`,
  )
}

/** Their public keys alone. @throws {LaresError} `bad-words` */
export async function askOwnerKeys(context: CliContext): Promise<Uint8Array[]> {
  return (await askOwners(context)).map(({ publicKey }) => publicKey)
}

/** @throws {LaresError} `not-the-owner` when too few of the keys are owner keys of this network */
export function assertOwners(keys: readonly Uint8Array[], { owners }: Pick<Roster, 'owners'>): void {
  const known = new Set(owners.keys.map(toHex))
  const given = new Set(keys.map(toHex).filter((key) => known.has(key)))
  if (given.size < owners.threshold) throw notTheOwner(owners.threshold, given.size)
}

async function* wordLines({ ask }: CliContext): AsyncGenerator<string> {
  if (ask !== undefined) {
    for (let owner = 0; owner < MAX_OWNERS; owner++) {
      const question =
        owner === 0 ? 'Recovery words of the owner: ' : 'Words of another owner (Enter when that is all): '
      const line = (await ask(question, 'wiped')).trim()
      if (line === '') return
      yield line
    }
    return
  }
  let owner = 0
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    if (owner++ === MAX_OWNERS) return
    yield line.trim()
  }
}
