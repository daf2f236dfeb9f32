import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { compareBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import { MAX_TRUST_ROOTS, type Policy, policyCodec } from '../../shared/policy/policy.ts'
import { ownerMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { hashPolicy } from '../../shared/transaction/transaction.ts'
import type { ParsedFlags } from '../config.ts'
import type { PolicyView } from '../policy/door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { assertWanted } from './assert-wanted.ts'
import { type CliContext, type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG, YES_FLAG } from './command.ts'
import { askSigningOwners } from './owner-words.ts'
import { countOf, formatJson } from './text.ts'

/** The policy is looked for this often, and for so long, ms. */
const LOOK_MS = 1_000
const PATIENCE_MS = 5 * 60_000

export const policyShow: Command = {
  name: 'policy show',
  parameters: '',
  summary: 'what the owners have laid down: prices, labels, trusted roots',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const view = await askRelay<PolicyView>(dataDirOf(input, context), '/policy')
    const { trustRoots, ...rest } = policyIn(view)
    const plain = { ...rest, trustRoots: trustRoots.map(toHex) }
    context.print(input.values['json'] === true ? formatJson(plain) : describe(policyIn(view)).join('\n'))
    return EXIT_OK
  },
}

function describe({ number, label, trustRoots, ...policy }: Policy): string[] {
  const hours = (seconds: number) => `${Math.round(seconds / 360) / 10} hours`
  return [
    `Policy ${number}`,
    `  Transactions in a block      ${policy.maxBlockTransactions}`,
    `  Of a device in an epoch      ${policy.quotaBase}, and ${policy.quotaPerHundredTrust} for each hundred of trust`,
    `  A voucher runs at most       ${hours(policy.maxVoucherSeconds)}`,
    `  Base price of a join         ${policy.basePrice}, doubled at most ${policy.maxPriceDoublings} times`,
    `  Full node from               ${hours(label.fullLifetimeSeconds)}, compute ${label.fullComputeScore}, ${label.fullStorageMiB} MiB`,
    `  Coordination node from       ${hours(label.coordinationLifetimeSeconds)}`,
    `  Header rules                 ${policy.rules.version} from height ${policy.rules.fromHeight} on`,
    `  Trusted roots                ${trustRoots.length === 0 ? 'none: nobody joins by a certificate' : countOf(trustRoots.length, 'root')}`,
    ...trustRoots.map((root) => `    ${toHex(root)}`),
  ]
}

export const policyTrust: Command = {
  name: 'policy trust',
  parameters: 'FILE',
  summary: 'let devices in whose certificates lead to this root (PEM or DER)',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: ['FILE'],
  async run(input, context) {
    const root = await rootIn(resolve(context.cwd, input.positionals[0] as string))
    context.print(`Root   ${root.name}\nHash   ${toHex(root.hash)}\nUntil  ${new Date(root.notAfter).toISOString()}`)
    if (root.notAfter < context.now())
      throw new LaresError('expired', 'This root has expired: no chain holds under it.')
    return await change(input, context, 'Trust every device that this root vouches for?', (roots) => {
      if (roots.some((one) => compareBytes(one, root.hash) === 0))
        throw new LaresError('already-trusted', 'This root is trusted already.')
      if (roots.length >= MAX_TRUST_ROOTS)
        throw new LaresError('too-many-roots', `A policy has at most ${MAX_TRUST_ROOTS} roots.`)
      return [...roots, root.hash].sort(compareBytes)
    })
  },
}

export const policyDistrust: Command = {
  name: 'policy distrust',
  parameters: 'FILE|HASH',
  summary: 'let nobody in by this root any more; who is in stays in',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: ['FILE|HASH'],
  async run(input, context) {
    const text = input.positionals[0] as string
    const hash = /^[0-9a-f]{64}$/i.test(text)
      ? fromHex(text.toLowerCase())
      : (await rootIn(resolve(context.cwd, text))).hash
    return await change(input, context, `Trust ${toHex(hash)} no longer?`, (roots) => {
      const left = roots.filter((one) => compareBytes(one, hash) !== 0)
      if (left.length === roots.length)
        throw new LaresError(
          'not-trusted',
          'This root is not trusted anyway; "lares policy show" lists those that are.',
        )
      return left
    })
  },
}

/** @throws {LaresError} with a sentence for a person */
async function rootIn(
  path: string,
): Promise<{ readonly name: string; readonly hash: Uint8Array; readonly notAfter: number }> {
  const { readRootFile } = await import('../certificate/roots.ts')
  const [root, ...more] = readRootFile(path)
  if (root === undefined || more.length > 0)
    throw new LaresError('bad-root', `${path} must hold exactly one root certificate, which is its own issuer.`)
  return { name: root.subject.text, hash: sha256(root.der), notAfter: root.notAfter }
}

/** The owners sign the next policy, and its block is waited for. */
async function change(
  input: ParsedFlags,
  context: CliContext,
  question: string,
  changed: (roots: readonly Uint8Array[]) => Uint8Array[],
): Promise<number> {
  const dataDir = dataDirOf(input, context)
  const before = await askRelay<PolicyView>(dataDir, '/policy')
  const policy = policyIn(before)
  const next: Policy = { ...policy, number: policy.number + 1, trustRoots: changed(policy.trustRoots) }
  await assertWanted(input, context, question)
  const message = ownerMessage(fromHex(before.networkId), KIND.policy, hashPolicy(next))
  const signatures = await Promise.all(
    (await askSigningOwners(before.owners, context)).map(async ([owner, signer]) => ({
      owner,
      signature: toHex(await signer.sign(message)),
    })),
  )
  const body = { policy: toHex(policyCodec.encode(next)), signatures }
  await askRelay(dataDir, '/policy', 'POST', { body })
  context.print('Handed in; waiting for its block …')
  const until = context.now() + PATIENCE_MS
  for (;;) {
    const view = await askRelay<PolicyView>(dataDir, '/policy')
    if (view.number > before.number) {
      context.print(describe(policyIn(view)).join('\n'))
      return EXIT_OK
    }
    if (context.now() >= until)
      throw new LaresError('no-block', 'The policy is in no block yet. See with "lares policy show" later.')
    await pause(LOOK_MS)
  }
}

function policyIn(view: PolicyView): Policy {
  const policy = policyCodec.decode(fromHex(view.policy))
  if (!policy.ok) throw new LaresError(policy.code, 'This relay has a policy of another kind; update this program.')
  return policy.value
}
