/**
 * Shows what a node without blocks does for its network (DESIGN 4): it comes into the coordination set by the owner's words, a
 * newcomer needs its endorsement, which it gives by proofs alone; its word alone lets nobody in; it outlives the kill of a full
 * node, and of itself; and where nothing settles any more it vouches for nobody, until it does again.
 * How: real processes at the test preset, two relays and the node, and a libp2p client in this process.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import { registerWithVoucher } from '../../node-relay/device-agent/registration.ts'
import type { RelayStatus } from '../../node-relay/facade.ts'
import { createNodeKey, createRelayNetwork, type RelayNetwork } from '../../node-relay/network/relay-network.ts'
import { createWebRtcCertificate } from '../../node-relay/network/webrtc-certificate.ts'
import { fetchStart } from '../../node-relay/sync/join-network.ts'
import { serviceCheck } from '../../shared/coordination/service-record.ts'
import { PROTOCOLS, type ProtocolName } from '../../shared/protocol/ids.ts'
import { type JoinLink, parseJoinLink } from '../../shared/protocol/join-link.ts'
import { type EndorsementAnswer, endorsementAnswerCodec, submitAnswerCodec } from '../../shared/protocol/messages.ts'
import { serversCodec, serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import { parseVoucher } from '../../shared/protocol/voucher-text.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { namedSigner } from '../framework/chain-builder.ts'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { eventually } from '../framework/network.ts'
import {
  type CoordinationProcess,
  lares,
  laresWith,
  makeDataDir,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startCoordinationProcess,
  startRelayProcess,
} from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

const MINUTE_MS = 60_000
const dirs: string[] = []
const running: Pick<RelayProcess, 'stop'>[] = []
let founder: RelayProcess
/** Full, and no coordination node. */
let keeper: RelayProcess
let node: CoordinationProcess
let founderFlags: string[]
let nodeFlags: string[]
let client: RelayNetwork
let link: JoinLink

beforeAll(async () => {
  founderFlags = [...(await fixedPortFlags()), '--mine-share', '0.2']
  founder = await start(startRelayProcess, founderFlags)
  const words = ownerWords(founder)
  const read = parseJoinLink(founder.joinUrl)
  if (!read.ok) throw new Error(read.detail)
  link = read.value.link
  keeper = await start(startRelayProcess, ['--join', founder.joinUrl, '--roles', 'full', '--mine-share', '0.2'])
  await letIn(keeper, words)
  nodeFlags = await fixedPortFlags()
  node = await start(startCoordinationProcess, [...nodeFlags, '--join', founder.joinUrl])
  await letIn(node, words)
  client = await createRelayNetwork({
    privateKey: await createNodeKey(),
    webrtcCertificate: await createWebRtcCertificate(),
    hosts: ['127.0.0.1'],
    udpPort: 0,
  })
  await eventually('it knows that it is let in', async () => (await status(node)).light?.admits || undefined)
}, 3 * MINUTE_MS)

afterAll(async () => {
  await client?.stop()
  for (const one of running) await one.stop()
  for (const dir of dirs) await removeDataDir(dir)
}, MINUTE_MS)

async function start<Process extends Pick<RelayProcess, 'stop'>>(
  how: (init: { dataDir: string; flags: string[] }) => Promise<Process>,
  flags: string[],
  dataDir?: string,
): Promise<Process> {
  const dir = dataDir ?? (await makeDataDir())
  if (dataDir === undefined) dirs.push(dir)
  const process = await how({ dataDir: dir, flags })
  running.push(process)
  return process
}

/** As a person does: it asks, the owner says yes at the founder. */
async function letIn({ dataDir }: { readonly dataDir: string }, words: string): Promise<void> {
  const { text } = await newVoucher(founder.dataDir)
  const proposed = await lares(dataDir, 'roster', 'propose', '--voucher', text)
  const motion = /^ {2}([\w-]{80,})$/m.exec(proposed.stdout)?.[1]
  if (motion === undefined) throw new Error(`roster propose: ${proposed.stderr}`)
  const submitted = await laresWith(words, founder.dataDir, 'roster', 'submit', motion, '--yes')
  if (submitted.code !== 0) throw new Error(`roster submit: ${submitted.stderr}`)
}

async function status({ dataDir }: { readonly dataDir: string }): Promise<RelayStatus> {
  const { stdout, stderr } = await lares(dataDir, 'status', '--json')
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout) as RelayStatus
}

/** A question to the node that knows no blocks. */
async function ask(protocol: ProtocolName, request: Uint8Array): Promise<Uint8Array> {
  const { peerId } = await client.dial(`/ip4/127.0.0.1/tcp/${nodeFlags[nodeFlags.indexOf('--tcp-port') + 1]}`)
  return await client.request(peerId, PROTOCOLS[protocol], request)
}

async function application(name: string, voucher?: string): Promise<Uint8Array> {
  const text = voucher ?? (await newVoucher(founder.dataDir)).text
  const secret = parseVoucher(text, link.networkId)
  if (!secret.ok) throw new Error(secret.detail)
  return (await registerWithVoucher(secret.value, namedSigner(name), namedSigner('recovery').publicKey)).transaction
}

async function endorse(bytes: Uint8Array): Promise<EndorsementAnswer> {
  const answer = endorsementAnswerCodec.decode(await ask('endorse', bytes))
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value
}

const refusal = (code: string) => ({ TAG: 'refused', data: expect.objectContaining({ code }) })

it('says what it is, and what it does not have', { timeout: MINUTE_MS }, async () => {
  const { light, deviceId, roles, mining } = await eventually('it has found the other relay', async () => {
    const said = await status(node)
    return said.light?.servers === 2 ? said : undefined
  })
  expect({ light, roles, mining: mining.state }).toEqual({
    light: { phase: 'following', servers: 2, admits: true, memory: expect.anything() },
    roles: ['coordination'],
    mining: 'stopped',
  })
  const shown = await lares(node.dataDir, 'roster', 'show')
  expect(shown.stdout).toContain('This node admits newcomers.')
  expect((await lares(founder.dataDir, 'roster', 'show')).stdout).toContain(deviceId)
  for (const command of [['devices'], ['policy', 'show'], ['wallet', 'show']])
    expect(await lares(node.dataDir, ...command)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('coordination node without blocks'),
    })
  for (const protocol of ['headers', 'proof', 'blocks', 'checkpoint', 'recovery', 'transactions', 'submit'] as const)
    await expect(ask(protocol, new Uint8Array(40)), protocol).rejects.toMatchObject({ code: 'unsupported' })
})

it('gives what a newcomer needs, and nobody comes in without it', { timeout: 2 * MINUTE_MS }, async () => {
  const { text } = await newVoucher(founder.dataDir)
  await node.kill()
  await expect(new SmallDevice({ relay: founder.localUrl }).join(text)).rejects.toMatchObject({
    code: 'not-enough-endorsements',
  })
  // Killed in the middle of its work, it goes on from what it had, without the link.
  node = await start(startCoordinationProcess, nodeFlags, node.dataDir)
  const device = new SmallDevice({ relay: founder.localUrl })
  await eventually('it endorses again', async () => device.join(text).catch(() => undefined))
  await device.until('registered')
  // A voucher that was used is known by proof, of a state that is settled at the node, too.
  const { height } = (await status(founder)).settled
  await eventually('it follows', async () => (await status(node)).settled.height >= height || undefined)
  expect(await endorse(await application('second user', text))).toEqual(refusal('voucher-used'))
})

it('endorses what is good, and lets in nobody by its word alone', async () => {
  const bytes = await application('phone')
  const answer = await endorse(bytes)
  if (answer.TAG !== 'endorsed') throw new Error(answer.data.code)
  const register = transactionCodec.decode(bytes)
  if (!register.ok || register.value.TAG !== 'register') throw new Error('no registration')
  const alone = transactionCodec.encode({
    TAG: 'register',
    data: { ...register.value.data, endorsements: [answer.data] },
  })
  const { peerId } = await client.dial(link.addresses[0] as string)
  const submitted = submitAnswerCodec.decode(await client.request(peerId, PROTOCOLS.submit, alone))
  expect(submitted).toEqual({ ok: true, value: refusal('not-enough-endorsements') })
})

it('is proposed to be taken out by its device ID, and nobody else is', { timeout: MINUTE_MS }, async () => {
  const deviceId = await eventually('it has found itself again', async () => (await status(node)).deviceId)
  const propose = (remove: string) => lares(founder.dataDir, 'roster', 'propose', '--remove', remove)
  expect(await propose('nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('or a device ID') })
  expect((await propose((await status(keeper)).deviceId as string)).stderr).toContain('This is no coordination node')
  const proposed = await propose(deviceId)
  expect(proposed.stdout).toContain(`${deviceId} is no longer a coordination node.`)
  expect((await lares(node.dataDir, 'roster', 'propose', '--remove', '1')).stderr).toContain('at a relay')
})

it('outlives a full node: says where the others serve, and vouches again once blocks settle', {
  timeout: 4 * MINUTE_MS,
}, async () => {
  const verifier = createNodeVerifier()
  const { roster } = (await fetchStart(client, verifier, await currentLink(keeper))).node
  await founder.kill()
  const records = await eventually('it knows where the other serves', async () => {
    const request = serversRequestCodec.encode({ networkId: link.networkId, seats: [1] })
    const answer = serversCodec.decode(await ask('servers', request))
    return answer.ok && answer.value.records.length > 0 ? answer.value.records : undefined
  })
  for (const record of records) {
    const check = serviceCheck(link.networkId, record, roster)
    expect(check && (await verifier.verify(check))).toBe(true)
  }
  // One of two keepers settles nothing.
  const bytes = await application('late')
  await eventually('what is settled grows too old', async () => {
    const answer = await endorse(bytes)
    return answer.TAG === 'refused' && answer.data.code === 'view-stale' ? true : undefined
  })
  expect((await lares(node.dataDir, 'status')).stdout).toContain('turned away for now (view-stale)')
  founder = await start(startRelayProcess, founderFlags, founder.dataDir)
  await eventually('it vouches again', async () => {
    const answer = await endorse(bytes)
    return answer.TAG === 'endorsed' ? true : undefined
  })
})

async function currentLink({ dataDir }: { readonly dataDir: string }): Promise<JoinLink> {
  const { stdout } = await lares(dataDir, 'status', '--json')
  const { doors } = JSON.parse(stdout) as { doors: { joinUrl: string } }
  const read = parseJoinLink(doors.joinUrl)
  if (!read.ok) throw new Error(read.detail)
  return read.value.link
}
