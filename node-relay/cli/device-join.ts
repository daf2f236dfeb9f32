import { resolve } from 'node:path'
import type { Payment } from '../../shared/admission/quote.ts'
import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError, type Result } from '../../shared/errors.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import type { ParsedFlags } from '../config.ts'
import type { PaymentReport } from '../device-agent/join-payment.ts'
import type { DeviceKeyFile } from '../device-agent/key-file.ts'
import type { CertifiedKey } from '../device-agent/registration.ts'
import type { RelayClient } from '../device-agent/relay-client.ts'
import type { CertifiedJoin, DeviceState, DeviceStateAnswer, JoinAnswer } from '../devices/door.ts'
import { type CliContext, type Command, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { KEY_FLAG, keyFileOf, pause, RELAY_FLAG, relayOf } from './device-context.ts'
import { formatJson } from './text.ts'

/** Between two looks at the state, ms. */
const POLL_MS = 2_000
/** Handed in again when the ledger does not know the device after this many looks: a relay may lose what waits. */
const LOOKS_BEFORE_AGAIN = 15
/** The relay is new, or busy: it is asked again. */
const COME_AGAIN = new Set(['not-ready', 'busy', 'mempool-busy', 'mempool-full', 'group-full', 'too-many-requests'])
/** What was paid counts no longer: the price is asked for and paid anew. */
const PAY_AGAIN = new Set(['nonce-expired', 'wrong-nonce', 'price-changed', 'puzzle-used', 'nonce-of-another-node'])
const AGAIN = new Set([...COME_AGAIN, ...PAY_AGAIN])
/** Said between two tries of a long puzzle, ms. */
const PROGRESS_MS = 5_000
/** An enrolled key was handed in already, by this device: nobody else can sign for it. */
const HANDED_IN = new Set(['already-registered', 'conflict'])

/** A device on its way into a network. */
interface Coming {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  /** Asks the relay to let it in. Done again, it says how far that is. */
  handIn(): Promise<JoinAnswer>
}

export const deviceJoin: Command = {
  name: 'device join',
  parameters: '--key FILE --relay URL (--voucher TEXT | --expected | --certificate FILE --certificate-key FILE)',
  summary: 'on a board: bring a small device into the network',
  flags: {
    key: KEY_FLAG,
    relay: RELAY_FLAG,
    voucher: { type: 'string', hint: 'TEXT', help: 'the voucher, as text or link' },
    expected: { type: 'boolean', hint: '', help: 'the operator has enrolled the public key of this device' },
    certificate: {
      type: 'string',
      hint: 'FILE',
      help: "the maker's certificate of this device and those above it, its root last (PEM)",
    },
    'certificate-key': { type: 'string', hint: 'FILE', help: 'the private key of that certificate (PEM or DER)' },
    network: { type: 'string', hint: 'HEX', help: 'without a voucher: the network ID; no other is joined' },
    'no-wait': { type: 'boolean', hint: '', help: 'do not wait until the ledger has settled it' },
    json: JSON_FLAG,
  },
  positionals: [],
  async run(input, context) {
    const { values } = input
    const ways = [values['voucher'] !== undefined, values['expected'] === true, values['certificate'] !== undefined]
    if (ways.filter(Boolean).length !== 1)
      throw new LaresError('usage', 'Give one of --voucher TEXT, --expected and --certificate FILE.')
    if ((values['certificate'] === undefined) !== (values['certificate-key'] === undefined))
      throw new LaresError('usage', '--certificate and --certificate-key belong together.')
    const file = await keyFileOf(input, context)
    const relay = await relayOf(input, file)
    const coming = await comingOf(input, file, relay, context)
    await assertFree(file, coming, relay)
    const { storeMembership } = await import('../device-agent/key-file.ts')
    // Before anything is sent: a board that loses power now still knows who it is.
    storeMembership(file, {
      networkId: coming.networkId,
      deviceId: coming.deviceId,
      relay: relay.origin,
    })
    const answer = await handIn(coming, context.signal)
    const state = values['no-wait'] === true ? answer.state : await settled(relay, coming, answer.state, context)
    if (values['json'] === true) context.print(formatJson({ ...answer, state }))
    else context.print(`${answer.deviceId}\n${sentenceOf(state)}`)
    return state === 'retired' || (context.signal.aborted && state !== 'registered') ? EXIT_FAILED : EXIT_OK
  },
}

function sentenceOf(state: DeviceState): string {
  if (state === 'registered') return 'This device is registered.'
  if (state === 'retired')
    return 'This device has left the network, and that is for good; make another key with "lares device keygen".'
  return 'The registration is on its way; "lares device show" says when it is settled.'
}

/**
 * A voucher that failed leaves its ID behind; a device that is in a ledger stays what it is: nothing but the key file knows
 * its ID. Another network's relay would only say that it does not know it.
 * @throws {LaresError} `already-joined`
 */
async function assertFree({ membership }: DeviceKeyFile, coming: Coming, relay: RelayClient): Promise<void> {
  if (membership === undefined || equalBytes(membership.deviceId, coming.deviceId)) return
  const another = 'make another with "lares device keygen".'
  if (equalBytes(membership.networkId, coming.networkId)) {
    if ((await stateAt(relay, membership.deviceId)) === 'not-in-ledger') return
    throw new LaresError('already-joined', `This key has joined already; ${another}`)
  }
  const { createRelayClient } = await import('../device-agent/relay-client.ts')
  // A relay that does not answer is said so, below.
  const before = await stateAt(createRelayClient(membership.relay), membership.deviceId).catch(() => undefined)
  if (before === 'not-in-ledger') return
  throw new LaresError(
    'already-joined',
    before === undefined
      ? `This key may be in another network already, whose relay ${membership.relay} does not answer; ${another}`
      : `This key is in another network already, at ${membership.relay}; ${another}`,
  )
}

async function comingOf(
  { values }: ParsedFlags,
  file: DeviceKeyFile,
  relay: RelayClient,
  context: CliContext,
): Promise<Coming> {
  const { createNodeSigner } = await import('../crypto/node-signer.ts')
  const { registerWithVoucher } = await import('../device-agent/registration.ts')
  const { parseVoucher } = await import('../../shared/protocol/voucher-text.ts')
  const wallet = createNodeSigner(file.seed)
  if (values['expected'] === true) return await expectedOf(values['network'], wallet, relay)
  if (values['certificate'] !== undefined) {
    const { readCertifiedKey } = await import('../device-agent/certified-key.ts')
    const files = [values['certificate'], values['certificate-key']].map((path) => resolve(context.cwd, String(path)))
    const key = readCertifiedKey(files[0] as string, files[1] as string)
    return await certifiedOf(values['network'], key, file, relay, context)
  }
  const secret = opened(parseVoucher(String(values['voucher'])), 'This is not a voucher')
  const { networkId, deviceId, transaction } = await registerWithVoucher(secret, wallet, file.recoveryKey)
  return { networkId, deviceId, handIn: () => relay.post<JoinAnswer>('/api/v1/join', transaction) }
}

/**
 * Signed anew each time, since a nonce is good for minutes only; the device is the same. What was paid is paid again only
 * where it counts no longer.
 */
async function certifiedOf(
  network: ParsedFlags['values'][string] | undefined,
  certified: CertifiedKey,
  file: DeviceKeyFile,
  relay: RelayClient,
  context: CliContext,
): Promise<Coming> {
  const { createNodeSigner } = await import('../crypto/node-signer.ts')
  const { certifiedNewcomer, registerWithCertificate } = await import('../device-agent/registration.ts')
  const wallet = createNodeSigner(file.seed)
  const path = '/api/v1/join/certified'
  const newcomer = certifiedNewcomer(certified)
  let payments: readonly Payment[] | undefined

  async function place() {
    const { networkId, nonce, trustRoots } = await relay.get<CertifiedJoin>(path)
    assertNetwork(network, networkId)
    if (!trustRoots.includes(toHex(newcomer.issuer)))
      throw new LaresError(
        'untrusted-root',
        'The owners of this network do not trust the root at the chain\'s end; they do so with "lares policy trust".',
      )
    return { networkId: fromHex(networkId), nonce: fromHex(nonce) }
  }
  async function pay(networkId: Uint8Array): Promise<readonly Payment[]> {
    const { payForJoin } = await import('../device-agent/join-payment.ts')
    const { nodeScrypt: scrypt } = await import('../crypto/node-scrypt.ts')
    const { WAY } = await import('../../shared/protocol/join-messages.ts')
    const asked = { networkId, way: WAY.certificate, ...newcomer }
    return await payForJoin(relay, wallet, asked, { scrypt, report: paymentReport(context), signal: context.signal })
  }

  const { networkId } = await place()
  const deviceId = deviceIdOf(networkId, wallet.publicKey, newcomer.anchor)
  return {
    networkId,
    deviceId,
    async handIn() {
      // Where it is in the ledger already, nothing is to be paid.
      payments ??= (await stateAt(relay, deviceId)) === 'not-in-ledger' ? await pay(networkId) : []
      const made = await registerWithCertificate(await place(), certified, wallet, file.recoveryKey, payments)
      try {
        return await relay.post<JoinAnswer>(path, made.application)
      } catch (error) {
        if (error instanceof LaresError && PAY_AGAIN.has(error.code)) payments = undefined
        throw error
      }
    },
  }
}

/** The price in words, and how long the puzzle still takes: it is luck, so each look ahead is the same average. */
function paymentReport({ now, printError }: CliContext): PaymentReport {
  let startedAt = now()
  let saidAt = startedAt
  return {
    price({ iterations, base, pressure, faults }) {
      startedAt = now()
      saidAt = startedAt
      printError(
        `The price is ${iterations} (base ${base} × pressure ${pressure} × faults ${faults}): a puzzle of so many tries on average.`,
      )
    },
    tried(tries, iterations) {
      if (now() < saidAt + PROGRESS_MS) return
      saidAt = now()
      const seconds = Math.ceil(((saidAt - startedAt) / tries) * (iterations / 1_000))
      printError(`${tries} tries so far; on average ${iterations} are needed, some ${seconds} s in all.`)
    },
  }
}

/** @throws {LaresError} `wrong-network` */
function assertNetwork(wanted: ParsedFlags['values'][string] | undefined, found: string): void {
  if (wanted !== undefined && String(wanted).toLowerCase() !== found)
    throw new LaresError('wrong-network', `The relay is of another network: ${found}.`)
}

/** The relay's approval is another each time, and good for minutes only: it is asked for anew, and the device is the same. */
async function expectedOf(
  network: ParsedFlags['values'][string] | undefined,
  wallet: Signer,
  relay: RelayClient,
): Promise<Coming> {
  const { registerExpected } = await import('../device-agent/registration.ts')
  const { ownerAnchor } = await import('../../shared/identity/anchor.ts')
  const { formatDeviceId } = await import('../../shared/identity/device-id.ts')
  const { bytes32 } = await import('../devices/subject.ts')
  const join = await relay.get<{ networkId: string }>('/api/v1/join')
  assertNetwork(network, join.networkId)
  const networkId = bytes32(join.networkId)
  if (networkId === undefined) throw new LaresError('not-a-relay', 'The relay names no network; check --relay.')
  const deviceId = deviceIdOf(networkId, wallet.publicKey, ownerAnchor(wallet.publicKey))
  return {
    networkId,
    deviceId,
    async handIn() {
      try {
        const { application } = await relay.get<{ application: string }>(`/api/v1/expected/${toHex(wallet.publicKey)}`)
        const bytes = Uint8Array.from(Buffer.from(application, 'base64url'))
        const { transaction } = opened(await registerExpected(networkId, bytes, wallet))
        return await relay.post<JoinAnswer>('/api/v1/join', transaction)
      } catch (error) {
        if (!(error instanceof LaresError) || !HANDED_IN.has(error.code)) throw error
        const known = await stateAt(relay, deviceId)
        const state = known === 'not-in-ledger' ? 'pending' : known
        return { deviceId: formatDeviceId(networkId, deviceId), state, transactionId: undefined }
      }
    },
  }
}

async function handIn(coming: Coming, signal: AbortSignal): Promise<JoinAnswer> {
  for (;;) {
    try {
      return await coming.handIn()
    } catch (error) {
      if (!(error instanceof LaresError) || !AGAIN.has(error.code) || signal.aborted) throw error
      await pause(POLL_MS, signal)
    }
  }
}

async function settled(
  relay: RelayClient,
  coming: Coming,
  first: DeviceState,
  { signal }: CliContext,
): Promise<DeviceState> {
  let state = first
  for (let looks = 1; state !== 'registered' && state !== 'retired' && !signal.aborted; looks++) {
    await pause(POLL_MS, signal)
    if (signal.aborted) break
    state = await stateAt(relay, coming.deviceId)
    if (state === 'not-in-ledger' && looks % LOOKS_BEFORE_AGAIN === 0) await handIn(coming, signal)
  }
  return state
}

async function stateAt(relay: RelayClient, deviceId: Uint8Array): Promise<DeviceState> {
  return (await relay.get<DeviceStateAnswer>(`/api/v1/devices/${toHex(deviceId)}/state`)).state
}

function opened<Value>(result: Result<Value>, what?: string): Value {
  if (result.ok) return result.value
  throw new LaresError(result.code, what === undefined ? result.detail : `${what}: ${result.detail}.`)
}
