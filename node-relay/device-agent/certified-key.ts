import { createPrivateKey, X509Certificate } from 'node:crypto'
import { MAX_EVIDENCE_CERTIFICATES } from '../../shared/admission/certificate-evidence.ts'
import { LaresError } from '../../shared/errors.ts'
import { readPem } from '../certificate/pem.ts'
import { readBounded } from '../certificate/read-bounded.ts'
import type { CertifiedKey } from './registration.ts'

const MAX_FILE_LENGTH = 64 * 1024

/**
 * The certificate of this device with those above it, and its private key. Whether the chain holds is judged by others: here
 * only what nobody could use is refused.
 * @throws {LaresError} `cannot-read`, `bad-certificate`, `bad-key`, `wrong-key`
 */
export function readCertifiedKey(chainFile: string, keyFile: string): CertifiedKey {
  const chain = readPem(
    Buffer.from(readBounded(chainFile, MAX_FILE_LENGTH)).toString('latin1'),
    'CERTIFICATE',
    MAX_EVIDENCE_CERTIFICATES,
  )
  if (chain === undefined || chain.length < 2 || chain.length > MAX_EVIDENCE_CERTIFICATES)
    throw new LaresError(
      'bad-certificate',
      `${chainFile} must hold the device's certificate first and its root last, as PEM: 2 to ${MAX_EVIDENCE_CERTIFICATES} of them.`,
    )
  const leaf = readable(
    () => chain.map((der) => new X509Certificate(der))[0] as X509Certificate,
    () => new LaresError('bad-certificate', `${chainFile} holds a certificate that cannot be read.`),
  )
  const bytes = Buffer.from(readBounded(keyFile, MAX_FILE_LENGTH))
  const privateKey = readable(
    () =>
      bytes.includes('-----BEGIN ')
        ? createPrivateKey(bytes)
        : createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }),
    () => new LaresError('bad-key', `${keyFile} holds no private key, or one with a password.`),
  )
  if (!leaf.checkPrivateKey(privateKey))
    throw new LaresError('wrong-key', `The key in ${keyFile} is not that of the certificate in ${chainFile}.`)
  return { chain, privateKey }
}

function readable<Value>(read: () => Value, otherwise: () => LaresError): Value {
  try {
    return read()
  } catch {
    throw otherwise()
  }
}
