/** Verdicts on a chain, each with what a person should know. A name more is added by what was found, after a colon. */
export const CERTIFICATE_SENTENCES = {
  'malformed-certificate': 'This is no certificate that can be read.',
  'too-many-certificates': 'There are more certificates than a chain has.',
  'unknown-issuer': 'No trusted root has issued this chain.',
  'wrong-issuer': 'The certificates do not follow from one another: each must be issued by the next.',
  'bad-signature': 'A certificate is not signed by its issuer: it was altered, or made up.',
  expired: 'A certificate has expired.',
  'not-yet-valid': 'A certificate is not valid yet; check the clock, too.',
  'not-a-ca': 'A certificate was issued by one that may not issue any.',
  'leaf-is-a-ca': "The device's certificate could issue others: that is none of a device.",
  'path-too-long': 'There are more certificates between than an issuer allows.',
  'wrong-key-usage': 'A key may not be used for what it was used for.',
  'wrong-key-identifier': "A certificate names another key of its issuer than the issuer's.",
  'wrong-curve': 'A key lies on a curve that is not trusted.',
  'wrong-algorithm': 'A key or a signature is of a kind that is not trusted.',
  'unknown-critical-extension':
    'A certificate asks for something that this checker does not know, and must not be passed over.',
  'wrong-version': 'A certificate is not of version 3.',
  'wrong-chain-length': 'A Matter chain has three certificates: device, intermediate and root.',
  'wrong-vendor': 'The vendor IDs in the chain do not agree, or one is missing.',
  'wrong-product': 'The product IDs in the chain do not agree, or one is missing.',
  revoked: 'A certificate was revoked by its issuer.',
  'revocation-stale': 'What is known of revocations is out of date, so nothing is certain.',
  'revocation-unknown': 'Nothing is known of the revocations of an issuer, so nothing is certain.',
} as const

export type CertificateCode = keyof typeof CERTIFICATE_SENTENCES
