/** What a check of a certificate can end with: the code for machines, the sentence for a person. */
export const CERTIFICATE_SENTENCES = {
  valid: 'This certificate leads to a trusted root.',

  // The file.
  'too-large': 'There is more in the file than a certificate chain ever needs; it was not read.',
  malformed: 'This is not a certificate chain, or it is damaged.',
  'chain-too-long': 'There are more certificates in the chain than are looked at.',

  // Each certificate.
  'unsupported-version': 'A certificate is not X.509 version 3.',
  'duplicate-extension': 'A certificate says the same thing twice (an extension occurs more than once).',
  'unknown-critical-extension': 'A certificate makes a condition that this program does not know.',
  'key-type': 'A certificate has a kind or size of key that is not accepted.',
  curve: 'A certificate has a key on an elliptic curve that is not accepted.',
  'signature-algorithm': 'A certificate is signed in a way that is not accepted.',
  expired: 'A certificate has expired.',
  'not-yet-valid': 'A certificate is not valid yet.',

  // The path.
  'untrusted-root': 'The chain leads to no root that you trust.',
  'repeated-certificate': 'The chain goes in a circle.',
  'wrong-issuer': 'A certificate names another issuer than the one that comes next in the chain.',
  'key-identifier': 'A certificate names another key of its issuer than the one that comes next in the chain.',
  'bad-signature': 'A signature is false: the certificate was altered, or its issuer never made it.',
  'not-a-ca': 'A certificate was issued by one that is no authority.',
  'leaf-is-ca': "The device's own certificate is one of an authority.",
  'path-length': 'An authority issued more levels below itself than it may.',
  'key-usage': 'A key is used for what its certificate does not allow.',
  'extended-key-usage': "The device's certificate is not for proving who it is.",

  // The Matter profile.
  'matter-profile': 'This is not how a Matter certificate is made.',
  'vendor-id': 'A Matter certificate has no vendor ID, or not exactly one well-formed.',
  'product-id': 'A Matter certificate has no product ID, or not exactly one well-formed, or one where none may be.',
  'vendor-mismatch': 'The certificates are of different vendors.',
  'product-mismatch': 'The certificates are of different products.',

  // Revocation.
  revoked: 'A certificate has been revoked by its issuer.',
  'revocation-stale': 'The revocation data is not of this time, so nothing says that the certificate still holds.',
  'revocation-unknown': 'The revocation data says nothing about an issuer of this chain.',
  'revocation-not-trusted': 'The revocation data was not signed by the issuer of the certificate.',
  'revocation-malformed': 'The revocation data cannot be read, or is of a kind that is not used here.',
} as const

export type CertificateCode = keyof typeof CERTIFICATE_SENTENCES
export type RefusalCode = Exclude<CertificateCode, 'valid'>
