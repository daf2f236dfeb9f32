import { EMPTY_BYTES, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import {
  type ChallengeAnswer,
  challengeAnswerCodec,
  challengeAnswerMessage,
  NONCE_LENGTH,
} from '../../shared/device-profile/challenge.ts'
import { leaseCodec, leaseMessage } from '../../shared/device-profile/lease.ts'
import { LaresError } from '../../shared/errors.ts'
import { retireMessage, transactionCodec } from '../../shared/transaction/transaction.ts'
import { createNodeSigner } from '../crypto/node-signer.ts'
import type { CertifiedJoin, DeviceStateAnswer, JoinAnswer, LeaseAnswer, OpenChallenges } from '../devices/door.ts'
import { bytes32 } from '../devices/subject.ts'
import type { DeviceKeyFile, Membership } from './key-file.ts'
import type { CertifiedKey } from './registration.ts'
import type { RelayClient } from './relay-client.ts'

export interface RenewedCertificate {
  readonly transactionId: string | undefined
  /** Until when it is good, ms. */
  readonly notAfter: number
  /** Of the renewal: the device has this once it is in a block. */
  readonly sequence: number
}

/** What a device signs, once it knows who it is. */
export interface DeviceAgent {
  readonly membership: Membership
  readonly wallet: Signer
  state(relay: RelayClient): Promise<DeviceStateAnswer>
  renew(relay: RelayClient, now: number, until: number): Promise<LeaseAnswer>
  /** The answer to an asker's nonce: nothing else of his is signed. */
  answer(nonce: Uint8Array, now: number): Promise<ChallengeAnswer>
  /** Answers whatever waits at the relay. @returns the nonces, hex */
  answerOpen(
    relay: RelayClient,
    now: () => number,
    waitSeconds: number,
    signal?: AbortSignal,
  ): Promise<readonly string[]>
  send(relay: RelayClient, answer: ChallengeAnswer): Promise<void>
  /** Renews the certificate that it came in by. @throws {LaresError} `not-joined`, `wrong-network`, and the relay's own */
  renewCertificate(relay: RelayClient, key: CertifiedKey): Promise<RenewedCertificate>
  /** Leaves the network for good. @returns the transaction's ID */
  retire(relay: RelayClient): Promise<string>
}

export function createDeviceAgent({ seed }: DeviceKeyFile, membership: Membership): DeviceAgent {
  const wallet = createNodeSigner(seed)
  const { networkId, deviceId } = membership
  const path = `/api/v1/devices/${toHex(deviceId)}`

  const state = (relay: RelayClient) => relay.get<DeviceStateAnswer>(`${path}/state`)

  async function answer(nonce: Uint8Array, now: number): Promise<ChallengeAnswer> {
    if (nonce.length !== NONCE_LENGTH)
      throw new LaresError('malformed-challenge', 'What the relay calls a nonce has not 32 bytes; nothing was signed.')
    const content = { networkId, deviceId, nonce, time: Math.floor(now) }
    return { ...content, signature: await wallet.sign(challengeAnswerMessage(content)) }
  }

  async function send(relay: RelayClient, signed: ChallengeAnswer): Promise<void> {
    await relay.post(`${path}/answers`, challengeAnswerCodec.encode(signed))
  }

  return {
    membership,
    wallet,
    state,
    async renew(relay, now, until) {
      const content = { networkId, deviceId, time: Math.floor(now), until: Math.floor(until) }
      const signature = await wallet.sign(leaseMessage(content))
      return await relay.post<LeaseAnswer>(`${path}/lease`, leaseCodec.encode({ ...content, signature }))
    },
    answer,
    async answerOpen(relay, now, waitSeconds, signal) {
      const open = await relay.get<OpenChallenges>(`${path}/challenges?wait=${waitSeconds}`, {
        heldMs: waitSeconds * 1_000,
        ...(signal === undefined ? {} : { signal }),
      })
      const nonces = open.challenges.map(({ nonce }) => nonce)
      for (const nonce of nonces) await send(relay, await answer(bytes32(nonce) ?? EMPTY_BYTES, now()))
      return nonces
    },
    send,
    async renewCertificate(relay, key) {
      const { renewWithCertificate } = await import('./registration.ts')
      const path = '/api/v1/join/certified'
      const [place, { sequence }] = [await relay.get<CertifiedJoin>(path), await state(relay)]
      if (place.networkId !== toHex(networkId))
        throw new LaresError('wrong-network', `The relay is of another network: ${place.networkId}.`)
      if (sequence === undefined) throw new LaresError('not-in-ledger', 'The relay does not know this device yet.')
      const nonce = bytes32(place.nonce)
      if (nonce === undefined) throw new LaresError('not-a-relay', 'The relay gives no nonce; check --relay.')
      const made = await renewWithCertificate({ networkId, nonce }, key, wallet, { deviceId, sequence })
      const { transactionId } = await relay.post<JoinAnswer>(path, made.application)
      return { transactionId, notAfter: made.notAfter, sequence: sequence + 1 }
    },
    async retire(relay) {
      const { sequence = 0 } = await state(relay)
      const retire = { deviceId, sequence: sequence + 1 }
      const signature = await wallet.sign(retireMessage(networkId, retire))
      const data = { retire, authority: { TAG: 'wallet' as const, data: signature } }
      const transaction = transactionCodec.encode({ TAG: 'retire', data })
      return (await relay.post<{ transactionId: string }>('/api/v1/transactions', transaction)).transactionId
    },
  }
}
