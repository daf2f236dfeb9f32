/** What strangers hand in as certificates and revocation data: read strictly or refused, and believed only as it was issued. */
import { KeyObject, type webcrypto } from 'node:crypto'
import { parseCertificate } from '../../../node-relay/certificate/certificate.ts'
import { judgeEvidence } from '../../../node-relay/certificate/judge-evidence.ts'
import { readChain } from '../../../node-relay/certificate/read-chain.ts'
import { readRevocation } from '../../../node-relay/certificate/revocation.ts'
import { registerWithCertificate } from '../../../node-relay/device-agent/registration.ts'
import {
  certificateClaimMessage,
  certificateEvidenceCodec,
  certifiedApplicationCodec,
} from '../../../shared/admission/certificate-evidence.ts'
import { equalBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import { sha256 } from '../../../shared/hash.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { AT, createCrl, issue, pem } from '../../node-relay/certificate/make-chain.ts'
import { namedSigner } from '../chain-builder.ts'
import { checkResult } from './codec-targets.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateText } from './mutate-text.ts'
import type { FuzzTarget } from './run.ts'

/** The certificates are others in each run, since keys and signatures cannot be seeded: a finding shows its bytes. */
export async function certificateTargets(): Promise<FuzzTarget[]> {
  const root = await issue({ name: [{ CN: ['Root'] }], ca: true })
  const maker = await issue({ name: [{ CN: ['Maker'] }], issuer: root, ca: true })
  const device = await issue({ issuer: maker })
  const chain = [device, maker, root].map(({ der }) => der)
  const crls = [
    await createCrl({ issuer: root }),
    await createCrl({ issuer: maker, revoked: ['0a01'], entryExtensions: [] }),
  ]
  const set = JSON.stringify([
    {
      type: 'revocation_set',
      issuer_subject_key_id: maker.keyId,
      issuer_name: Buffer.from('3000', 'hex').toString('base64'),
      revoked_serial_numbers: ['0A01'],
      crl_signer_cert: Buffer.from(maker.der).toString('base64'),
    },
  ])
  const texts = [chain.map((der) => pem(der)).join(''), crls.map((der) => pem(der, 'X509 CRL')).join(''), set]
  const lists = crls.flatMap((crl) => {
    const read = readRevocation(crl, undefined)
    if (!read.ok) throw new Error(read.detail)
    return read.value
  })

  const place = { networkId: sha256(ZERO_HASH), nonce: sha256(Uint8Array.of(1)) }
  const privateKey = KeyObject.from(device.keys.privateKey as unknown as webcrypto.CryptoKey)
  const made = await registerWithCertificate(place, { chain, privateKey }, namedSigner('fuzzed'), ZERO_HASH)
  const application = certifiedApplicationCodec.decode(made.application)
  const transaction = transactionCodec.decode(made.transaction)
  if (!application.ok || !transaction.ok || transaction.value.TAG !== 'register') throw new Error('no application')
  const { claim, evidence } = transaction.value.data
  if (evidence.TAG !== 'certificate') throw new Error('no certificate')
  const good = application.value.evidence
  const stated = evidence.data
  const judge = (bytes: Uint8Array) =>
    judgeEvidence({
      trustRoots: [sha256(root.der)],
      anchor: claim.anchor,
      claimOf: (nonce) => certificateClaimMessage(place.networkId, claim, nonce),
      // A forger states what he sends.
      stated: { ...stated, evidence: sha256(bytes) },
      evidence: bytes,
      isFreshNonce: () => true,
      revocation: lists,
      at: AT,
    })
  const first = judge(good)
  if (!first.ok) throw new Error(`${first.code}: ${first.detail}`)

  const parts = [...chain, ...crls, good]
  return [
    {
      name: 'parseCertificate',
      share: 1,
      make: (random) => mutateBytes(random.pick(chain), random, parts, 16 * 1024),
      check: (bytes) => checkResult(parseCertificate(bytes as Uint8Array)),
    },
    {
      name: 'readRevocation',
      share: 1,
      make: (random) => mutateBytes(random.pick(crls), random, parts, 64 * 1024),
      check: (bytes) => checkResult(readRevocation(bytes as Uint8Array, AT)),
    },
    {
      name: 'certificates and revocation data as text',
      share: 1,
      make: (random) => mutateText(random.pick(texts), random, texts),
      check(text) {
        checkResult(readChain(Buffer.from(text as string)))
        checkResult(readRevocation(Buffer.from(text as string), AT))
      },
    },
    {
      name: 'judgeEvidence',
      share: 2,
      // In one part of it, so that what is around it is still read: the forms of the whole are the codec's own target.
      make(random) {
        const whole = certificateEvidenceCodec.decode(good)
        if (!whole.ok) throw new Error(whole.detail)
        const { value } = whole
        const part = random.below(value.chain.length + 1)
        const change = (bytes: Uint8Array) => mutateBytes(bytes, random, parts, 2_048)
        return part === value.chain.length
          ? { ...value, signature: change(value.signature) }
          : { ...value, chain: value.chain.with(part, change(value.chain[part] as Uint8Array)) }
      },
      check(value) {
        let bytes: Uint8Array
        try {
          bytes = certificateEvidenceCodec.encode(value as Parameters<typeof certificateEvidenceCodec.encode>[0])
        } catch {
          return
        }
        const verdict = judge(bytes)
        checkResult(verdict)
        if (verdict.ok && !equalBytes(bytes, good)) throw new Error('altered evidence is believed')
      },
    },
  ]
}
