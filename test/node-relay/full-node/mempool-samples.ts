/** Well-formed transactions with made-up keys and signatures: the mempool looks at neither. */
import type { Block } from '../../../shared/block/block.ts'
import { asciiBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { Header } from '../../../shared/header/header.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import type { Evidence } from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'

const named = (name: string | number) => sha256(asciiBytes(String(name)))
const signature = (variant = 0) => new Uint8Array(64).fill(variant)

export type EvidenceKind = Evidence['TAG']

/** @param variant another signature on the same content: another transaction ID */
export function register(
  anchor: number,
  by = 'sponsor',
  kind: EvidenceKind = 'voucher',
  variant = 0,
  addresses: string[] = [],
): Uint8Array {
  const issuer = named(by)
  const evidence: Record<EvidenceKind, Evidence> = {
    voucher: {
      TAG: 'voucher',
      data: {
        voucher: { issuer, voucherKey: named(anchor), notAfter: 0, label: 1, signature: signature() },
        claimSignature: signature(),
      },
    },
    owners: { TAG: 'owners', data: [{ owner: 0, signature: signature() }] },
    approval: { TAG: 'approval', data: { issuer, evidence: ZERO_HASH, notAfter: 0, signature: signature() } },
    certificate: { TAG: 'certificate', data: { issuer, evidence: ZERO_HASH, notAfter: 0 } },
  }
  const claim = {
    label: 1,
    assurance: 1,
    walletKey: named(`wallet ${anchor}`),
    recoveryKey: ZERO_HASH,
    anchor: named(`anchor ${anchor}`),
    profile: ZERO_HASH,
    addresses,
  }
  const walletSignature = signature(variant)
  return transactionCodec.encode({
    TAG: 'register',
    data: { claim, evidence: evidence[kind], endorsements: [], walletSignature },
  })
}

export function retire(device: number, sequence = 1, by: 'wallet' | 'recovery' = 'wallet', variant = 0): Uint8Array {
  return transactionCodec.encode({
    TAG: 'retire',
    data: {
      retire: { deviceId: named(`device ${device}`), sequence },
      authority: { TAG: by, data: signature(variant) },
    },
  })
}

export function rotate(device: number, sequence = 1, by: 'wallet' | 'recovery' = 'wallet', variant = 0): Uint8Array {
  const content = {
    deviceId: named(`device ${device}`),
    sequence,
    walletKey: named(`new ${device}`),
    recoveryKey: ZERO_HASH,
    addresses: [],
  }
  const authority = { TAG: by, data: signature(variant) }
  return transactionCodec.encode({ TAG: 'rotate', data: { rotate: content, authority, newKeySignature: signature() } })
}

export function policy(number: number, variant = 0): Uint8Array {
  return transactionCodec.encode({
    TAG: 'policy',
    data: { policy: { ...DEFAULT_POLICY, number }, signatures: [{ owner: 0, signature: signature(variant) }] },
  })
}

export function coordination(setNumber: number, variant = 0): Uint8Array {
  const change = { setNumber, action: 'add' as const, deviceId: named(setNumber) }
  const approval = { TAG: 'owners' as const, data: [{ owner: 0, signature: signature(variant) }] }
  return transactionCodec.encode({ TAG: 'coordinationChange', data: { change, approval } })
}

export function rosterChange(changeNumber: number, seat = 1, variant = 0): Uint8Array {
  const remove = { deviceId: named(seat), seat }
  const approval = { TAG: 'owners' as const, data: [{ owner: 0, signature: signature(variant) }] }
  return transactionCodec.encode({
    TAG: 'rosterChange',
    data: { changeNumber, action: { TAG: 'remove', data: { remove, approval } } },
  })
}

/** A block as far as the mempool looks into it. */
export function blockOf(...transactions: Uint8Array[]): Block {
  return { header: {} as Header, seal: signature(), transactions }
}
