/** What an applicant and its examiners sign, for tests. */

import {
  type FullApplication,
  type FullApplicationContent,
  type FullStatement,
  fullApplicationMessage,
  fullStatementMessage,
} from '../../shared/admission/full-application.ts'
import { POWER } from '../../shared/admission/hardware.ts'
import { PROFILE_VERSION, profileOf } from '../../shared/admission/profile.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { type StorageContent, type StorageRequest, storageMessage } from '../../shared/protocol/full-messages.ts'
import type { TestDevice } from './chain-actions.ts'
import { type ChainBuilder, namedSigner } from './chain-builder.ts'

export const APPLICANT_PEER = '12D3KooWApplicant'

export function applicantAddress(peerId = APPLICANT_PEER): string {
  return `/ip4/192.168.1.30/tcp/4673/p2p/${peerId}`
}

export interface ApplicationKeys {
  readonly wallet: Signer
  readonly sealing: Signer
}

/** @param keys who really signs */
export async function signApplication(
  chain: ChainBuilder,
  device: Pick<TestDevice, 'deviceId' | 'wallet'>,
  change: Partial<FullApplicationContent> = {},
  keys: Partial<ApplicationKeys> = {},
): Promise<FullApplication> {
  const { wallet = device.wallet, sealing = namedSigner('applicant sealing') } = keys
  const content = {
    ...{ version: 1, networkId: chain.networkId, deviceId: device.deviceId, issuedAt: chain.tip.block.header.time },
    sealingKey: namedSigner('applicant sealing').publicKey,
    profile: { version: PROFILE_VERSION, ...profileOf({ storageMiB: 100_000, memoryMiB: 4_096, power: POWER.mains }) },
    ...{ addresses: [applicantAddress()], statements: [] },
    ...change,
  }
  const message = fullApplicationMessage(content)
  return { ...content, signature: await wallet.sign(message), sealingSignature: await sealing.sign(message) }
}

/** The seat of that number says so, or whoever is named. */
export async function signStatement(
  chain: ChainBuilder,
  application: Pick<FullApplication, 'networkId' | 'deviceId' | 'addresses'>,
  said: Omit<FullStatement, 'signature'>,
  signer: Signer = chain.keeper(said.seat),
): Promise<FullStatement> {
  return { ...said, signature: await signer.sign(fullStatementMessage(said, application)) }
}

export async function signStorageRequest(
  chain: ChainBuilder,
  content: Omit<StorageContent, 'networkId' | 'headerHash'> & Partial<StorageContent>,
  signer: Signer = chain.keeper(content.seat),
): Promise<StorageRequest> {
  const headerHash = chain.at(content.height).node.hash
  const full = { networkId: chain.networkId, headerHash, ...content }
  return { ...full, signature: await signer.sign(storageMessage(full)) }
}
