import { ACCEPT, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import { DER_OID, oidText } from './der.ts'

const EC_OID = '1.2.840.10045.2.1'
const RSA_OID = '1.2.840.113549.1.1.1'
const P256 = '1.2.840.10045.3.1.7'
/** NIST P-256, P-384 and P-521: the curves of IEEE 802.1AR, Matter and Android. */
const CURVES = [P256, '1.3.132.0.34', '1.3.132.0.35']

const LEAST_RSA_BITS = 2_048
/** A longer key only costs time: verifying grows with its square. */
const MAX_RSA_BITS = 8_192

/** Kind and size of the certified key. */
export function validateKey({ keyInfo, publicKey }: Certificate, matter: boolean): Verdict<'key-type' | 'curve'> {
  const [algorithm, parameters] = keyInfo.children[0]?.children ?? []
  const kind = algorithm?.tag === DER_OID ? oidText(algorithm) : 'unknown'
  if (kind === EC_OID) {
    // A curve that is described instead of named may be one made up for a forgery.
    const curve = parameters?.tag === DER_OID ? oidText(parameters) : 'described, not named'
    return (matter ? curve === P256 : CURVES.includes(curve)) ? ACCEPT : reject('curve', `curve ${curve}`)
  }
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
  if (kind === RSA_OID && !matter)
    return bits >= LEAST_RSA_BITS && bits <= MAX_RSA_BITS ? ACCEPT : reject('key-type', `RSA of ${bits} bits`)
  return reject('key-type', `key of type ${kind}`)
}
