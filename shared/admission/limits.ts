/** Evidence of a certified device: a chain of Matter takes 2 kB, one of a phone with RSA keys 8 kB. Bytes. */
export const MAX_EVIDENCE_LENGTH = 24 * 1024
/** With its registration, and still a body of the HTTP interface. Bytes. */
export const MAX_CERTIFIED_APPLICATION_LENGTH = MAX_EVIDENCE_LENGTH + 4 * 1024
