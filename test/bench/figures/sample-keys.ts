import { nativeSha256 } from '../../../node-relay/crypto/native-hash.ts'
import { asciiBytes } from '../../../shared/bytes.ts'
import { ASSURANCE, LABEL, STATUS } from '../../../shared/identity/label.ts'
import { deviceRecordCodec } from '../../../shared/identity/record.ts'

/** Key `index` of a tree: the same in every run. Of `absent` ones none is ever put in. */
export function sampleKey(index: number, kind: 'device' | 'absent' = 'device'): Uint8Array {
  return nativeSha256(asciiBytes(`${kind} ${index}`))
}

/** The record of a phone as the ledger keeps it, of that key. */
export function sampleRecord(index: number): Uint8Array {
  const hash = (part: string) => nativeSha256(asciiBytes(`${part} ${index}`))
  return deviceRecordCodec.encode({
    version: 1,
    deviceId: hash('id'),
    walletKey: hash('wallet'),
    recoveryKey: hash('recovery'),
    walletId: hash('wallet id'),
    anchor: hash('anchor'),
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    status: STATUS.active,
    marks: 0,
    sequence: 0,
    registeredHeight: index,
    registeredTime: 1_767_268_800_000,
    changedHeight: index,
    sponsor: hash('sponsor'),
    issuer: new Uint8Array(32),
    evidence: hash('evidence'),
    evidenceExpires: 0,
    trust: { epoch: 0, rE: 0, sE: 0, rO: 0, sO: 0 },
    quota: { epoch: 0, used: 0 },
    addresses: [],
    contestedAt: undefined,
  })
}
