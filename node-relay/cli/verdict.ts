import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError, type Result } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { ASSURANCE, labelNames, MARK } from '../../shared/identity/label.ts'
import { trustScore } from '../../shared/identity/trust.ts'
import type { BundleVerdict } from '../../shared/proof/bundle.ts'
import { countOf, formatTime } from './text.ts'

/** A verdict as plain data, the same for `audit` and `proof verify`. */
export interface VerdictAnswer {
  readonly verdict: BundleVerdict['state']
  readonly deviceId: string
  readonly networkId: string
  readonly label: readonly string[] | undefined
  readonly assurance: 'A1' | 'A2' | undefined
  /** Of its certificate, ms; undefined without one. */
  readonly certifiedUntil: number | undefined
  readonly trust: number | undefined
  /** A copy of its key was used, and it has not been verified since. */
  readonly contested: boolean | undefined
  /** When that was, ms. */
  readonly contestedAt: number | undefined
  readonly registeredTime: number | undefined
  readonly settled: {
    readonly height: number
    readonly time: number
    readonly keepersSeen: number
    readonly keepers: number
  }
  readonly proofBytes: number
}

/**
 * Verifies a proof bundle with hashes and signatures, offline.
 * @param networkId hex
 * @param asked the device ID that the question was about; without it the proof's own is taken
 */
export async function verifyProof(
  bundle: Uint8Array,
  networkId: string,
  asked?: Uint8Array,
): Promise<Result<VerdictAnswer>> {
  const { verifyBundle } = await import('../../shared/proof/bundle.ts')
  const { createNodeVerifier } = await import('../crypto/node-verifier.ts')
  const verified = await verifyBundle(bundle, fromHex(networkId), createNodeVerifier(), asked)
  if (!verified.ok) return verified
  const { state, deviceId, record, settled } = verified.value
  return {
    ok: true,
    value: {
      verdict: state,
      deviceId: formatDeviceId(verified.value.networkId, deviceId),
      networkId: toHex(verified.value.networkId),
      label: record && labelNames(record.label),
      assurance: record && (record.assurance === ASSURANCE.certified ? 'A2' : 'A1'),
      certifiedUntil: record?.evidenceExpires || undefined,
      trust: record && trustScore(record.trust),
      contested: record && (record.marks & MARK.contested) !== 0,
      contestedAt: record?.contestedAt,
      registeredTime: record?.registeredTime,
      settled: {
        height: settled.height,
        time: settled.time,
        keepersSeen: settled.keepersSeen,
        keepers: settled.keepers,
      },
      proofBytes: bundle.length,
    },
  }
}

/** @throws {LaresError} `proof-refused`: the refusal as a sentence */
export function refused(code: string, detail: string): LaresError {
  if (code === 'unknown-network')
    return new LaresError(code, 'UNKNOWN NETWORK: this belongs to another network than the one asked for.')
  return new LaresError('proof-refused', `CANNOT SAY: the proof does not hold (${detail}).`)
}

const SENTENCES = {
  registered: 'REGISTERED: this device is in the ledger.',
  retired: 'RETIRED: this device was in the ledger and has been retired.',
  'not-in-ledger': 'NOT IN THE LEDGER: no device has this ID, and the proof says so.',
} as const

export function describeVerdict(answer: VerdictAnswer): string {
  const { settled } = answer
  return [
    SENTENCES[answer.verdict],
    `  Device ID   ${answer.deviceId}`,
    `  Network     ${answer.networkId}`,
    ...(answer.label === undefined
      ? []
      : [
          `  Label       ${answer.label.join(', ')}`,
          `  Assurance   ${answer.assurance === 'A2' ? 'A2, manufacturer certificate' : 'A1, vouched for'}`,
          ...(answer.certifiedUntil === undefined
            ? []
            : [
                `  Certificate ${answer.certifiedUntil < settled.time ? 'ended' : 'good until'} ${formatTime(answer.certifiedUntil)}`,
              ]),
          `  Trust       ${answer.trust} of 1000`,
          ...(answer.contestedAt === undefined
            ? []
            : [
                `  Warning     someone else claimed this device with a copy of its key at ${formatTime(answer.contestedAt)}; not verified again since`,
              ]),
          `  Since       ${formatTime(answer.registeredTime ?? 0)}`,
        ]),
    `  As of       height ${settled.height}, ${formatTime(settled.time)}, ${settled.keepersSeen} of ${countOf(settled.keepers, 'keeper')} seen`,
    `  Checked     ${answer.proofBytes} bytes of proof: roster from genesis, seals, state; the device itself was not asked`,
  ].join('\n')
}
