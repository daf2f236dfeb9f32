import {
  certificateClaimMessage,
  certificateEvidenceCodec,
  certificateRenewalMessage,
} from '../../shared/admission/certificate-evidence.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY } from '../../shared/ledger/state-keys.ts'
import type { Register } from '../../shared/transaction/register.ts'
import { parseSubject } from '../devices/subject.ts'
import type { ChainReader, StatedRenewal } from '../full-node/proofs.ts'
import { recordOf } from '../full-node/views.ts'
import { type AskingInit, askForEvidence, EVIDENCE_NOT_HERE } from './ask-evidence.ts'
import type { EvidenceDesk, EvidenceView } from './door.ts'
import type { EvidenceStore } from './evidence-store.ts'
import type { StatedCertificate } from './judge-evidence.ts'
import type { StatedVerdict } from './judge-stated.ts'
import type { RevocationList } from './revocation-list.ts'

export interface EvidenceDeskInit extends AskingInit {
  readonly reader: Pick<ChainReader, 'heightOf' | 'registrationOf' | 'renewalOf'>
  readonly evidence: Pick<EvidenceStore, 'get'>
  revocation(): Result<readonly RevocationList[]>
}

/** Where the chain states the evidence of a device, by its registration or by its last renewal. */
interface Statement extends Partial<StatedRenewal> {
  readonly stated: StatedCertificate
  claimOf(nonce: Uint8Array): Uint8Array
}

/** Finds what a device came in by, or has renewed it by, here or with its endorsers, and judges it again. */
export function createEvidenceDesk(init: EvidenceDeskInit): EvidenceDesk {
  const { chain, reader } = init
  const { networkId } = chain.rules

  /** Of a renewal nothing says in which block it is, until its evidence names an earlier one. */
  function statementOf(record: DeviceRecord, register: Register): Statement | undefined {
    const { claim, evidence, endorsements } = register
    if (evidence.TAG !== 'certificate') return undefined
    // A renewal may state the same evidence for longer.
    if (equalBytes(evidence.data.evidence, record.evidence) && evidence.data.notAfter === record.evidenceExpires)
      return {
        ...{ height: record.registeredHeight, time: record.registeredTime, endorsements, stated: evidence.data },
        claimOf: (nonce) => certificateClaimMessage(networkId, claim, nonce),
      }
    return {
      stated: { issuer: record.issuer, evidence: record.evidence, notAfter: record.evidenceExpires },
      claimOf: (nonce) => certificateRenewalMessage(networkId, record.deviceId, nonce),
    }
  }

  /** Whoever may have endorsed. */
  function coordinationNodes(): Uint8Array[] {
    const bytes = chain.state.get(COORDINATION_SET_KEY)
    const set = bytes && coordinationSetCodec.decode(bytes)
    return set?.ok ? set.value.members.map(({ deviceId }) => deviceId) : []
  }

  async function judge(
    evidence: Uint8Array,
    { anchor }: DeviceRecord,
    { stated, claimOf, time }: Statement,
  ): Promise<Omit<StatedVerdict, 'path'> & Pick<EvidenceView, 'path'>> {
    // The checker is large, and most networks have no certificates.
    const { judgeStated } = await import('./judge-stated.ts')
    const revocation = init.revocation()
    const judged = judgeStated({
      ...{ anchor, claimOf, stated, evidence },
      // Without a block that the certified key has signed there is none to look for, and the time does not matter.
      statedTime: time ?? init.now(),
      isBlock: (hash) => reader.heightOf(hash) !== undefined,
      trustRoots: policyOf(chain.state).trustRoots,
      revocation: revocation.ok ? revocation.value : [],
      now: init.now(),
    })
    // Without lists that can be read, nothing else can be said either.
    const { code, detail } = judged.verdict === 'cannot-say' && !revocation.ok ? revocation : judged
    const path = judged.path.map(({ subject, issuer, serialNumber }) => ({
      ...{ subject: subject.text, issuer: issuer.text, serialNumber },
    }))
    return { verdict: judged.verdict, code, detail, path }
  }

  /** Height of the block that the certified key has signed. */
  function signedHeight(evidence: Uint8Array): number | undefined {
    const decoded = certificateEvidenceCodec.decode(evidence)
    return decoded.ok ? reader.heightOf(decoded.value.nonce) : undefined
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
      const statement = statementOf(record, register)
      if (statement === undefined) return reject('no-certificate', 'This device came in without a certificate.')

      const hash = statement.stated.evidence
      const own = init.evidence.get(hash)
      const likely = statement.endorsements?.map((one) => one.deviceId) ?? coordinationNodes()
      const asked = own === undefined ? await askForEvidence(init, hash, likely) : undefined
      const evidence = own ?? asked?.evidence
      const signed = evidence && signedHeight(evidence)
      const found =
        statement.time === undefined && signed !== undefined
          ? { ...statement, ...(await reader.renewalOf(record, signed)) }
          : statement
      const judged =
        evidence === undefined
          ? NOT_SHOWN
          : signed !== undefined && found.time === undefined
            ? NOT_FOUND
            : await judge(evidence, record, found)
      const { height, time } = found
      const endorsers = found.endorsements?.map((one) => one.deviceId) ?? likely
      return accept({
        deviceId: formatDeviceId(networkId, record.deviceId),
        status: record.status === STATUS.retired ? 'retired' : 'active',
        evidence: toHex(hash),
        stated: height === undefined || time === undefined ? undefined : { height, time },
        renewed: statement.time === undefined,
        certifiedUntil: statement.stated.notAfter,
        endorsers: endorsers.map((endorser) => ({
          deviceId: formatDeviceId(networkId, endorser),
          asked: asked?.endorsers.find((one) => equalBytes(one.deviceId, endorser))?.answer,
        })),
        source: own !== undefined ? 'own' : evidence !== undefined ? 'peer' : undefined,
        verdict: judged.verdict,
        code: judged.code,
        detail: judged.detail,
        signedBlocksBefore: height === undefined || signed === undefined ? undefined : height - signed,
        path: judged.path,
      })
    },
  }
}

const NOT_SHOWN = {
  verdict: 'cannot-say',
  code: EVIDENCE_NOT_HERE,
  detail: 'nobody who could be asked has shown its evidence',
  path: [],
} as const

const NOT_FOUND = {
  verdict: 'cannot-say',
  code: 'renewal-not-found',
  detail: 'the block with its renewal was not found',
  path: [],
} as const
