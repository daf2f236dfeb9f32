import { toHex } from '../../shared/bytes.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import type { Claim, Evidence } from '../../shared/transaction/register.ts'
import { parseSubject } from '../devices/subject.ts'
import type { ChainReader } from '../full-node/proofs.ts'
import { recordOf } from '../full-node/views.ts'
import { type AskedEndorser, type AskingInit, askForEvidence, EVIDENCE_NOT_HERE } from './ask-evidence.ts'
import type { EvidenceDesk } from './door.ts'
import type { EvidenceStore } from './evidence-store.ts'
import type { RegistrationVerdict } from './judge-registration.ts'
import type { RevocationList } from './revocation-list.ts'

export interface EvidenceDeskInit extends AskingInit {
  readonly reader: Pick<ChainReader, 'heightOf' | 'registrationOf'>
  readonly evidence: Pick<EvidenceStore, 'get'>
  revocation(): Result<readonly RevocationList[]>
}

type Stated = Extract<Evidence, { TAG: 'certificate' }>['data']

/** Finds what a device came in by, here or with its endorsers, and judges it again. */
export function createEvidenceDesk(init: EvidenceDeskInit): EvidenceDesk {
  const { chain, reader } = init
  const { networkId } = chain.rules

  async function judge(
    evidence: Uint8Array,
    { registeredHeight, registeredTime }: DeviceRecord,
    claim: Claim,
    stated: Stated,
  ): Promise<RegistrationVerdict & { readonly signedBlocksBefore: number | undefined }> {
    // The checker is large, and most networks have no certificates.
    const { judgeRegistration } = await import('./judge-registration.ts')
    const revocation = init.revocation()
    let signedBlocksBefore: number | undefined
    const judged = judgeRegistration({
      networkId,
      claim,
      stated,
      evidence,
      registeredTime,
      isBlock(nonce) {
        const height = reader.heightOf(nonce)
        if (height !== undefined) signedBlocksBefore = registeredHeight - height
        return height !== undefined
      },
      trustRoots: policyOf(chain.state).trustRoots,
      revocation: revocation.ok ? revocation.value : [],
      now: init.now(),
    })
    // Without lists that can be read, nothing else can be said either.
    const why = judged.verdict === 'cannot-say' && !revocation.ok ? revocation : judged
    return { ...judged, code: why.code, detail: why.detail, signedBlocksBefore }
  }

  return {
    async judge(id) {
      const deviceId = parseSubject(networkId, id)
      if (!deviceId.ok) return deviceId
      const record = recordOf(chain.state, deviceId.value)
      if (record === undefined) return reject('not-in-ledger', 'No device of the ledger has this ID.')
      const register = reader.registrationOf(record)
      if (register === undefined)
        return reject('block-missing', 'The block with its registration is not here; try again in a moment.')
      const { claim, evidence: stated, endorsements } = register
      if (stated.TAG !== 'certificate') return reject('no-certificate', 'This device came in without a certificate.')

      const hash = stated.data.evidence
      const own = init.evidence.get(hash)
      const unasked = endorsements.map((one): AskedEndorser => ({ deviceId: one.deviceId, answer: undefined }))
      const asked =
        own === undefined
          ? await askForEvidence(
              init,
              hash,
              unasked.map((one) => one.deviceId),
            )
          : { evidence: undefined, endorsers: unasked }
      const evidence = own ?? asked.evidence
      const judged = evidence && (await judge(evidence, record, claim, stated.data))
      return accept({
        deviceId: formatDeviceId(networkId, record.deviceId),
        status: record.status === STATUS.retired ? 'retired' : 'active',
        evidence: toHex(hash),
        registered: { height: record.registeredHeight, time: record.registeredTime },
        certifiedUntil: stated.data.notAfter,
        endorsers: asked.endorsers.map((one) => ({
          deviceId: formatDeviceId(networkId, one.deviceId),
          asked: one.answer,
        })),
        source: own !== undefined ? 'own' : evidence !== undefined ? 'peer' : undefined,
        verdict: judged?.verdict ?? 'cannot-say',
        code: judged?.code ?? EVIDENCE_NOT_HERE,
        detail: judged === undefined ? 'nobody who could be asked has shown its evidence' : judged.detail,
        signedBlocksBefore: judged?.signedBlocksBefore,
        path: (judged?.path ?? []).map(({ subject, issuer, serialNumber }) => ({
          subject: subject.text,
          issuer: issuer.text,
          serialNumber,
        })),
      })
    },
  }
}
