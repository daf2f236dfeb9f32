import { type Command, JSON_FLAG } from './command.ts'

export const certificateCheck: Command = {
  name: 'certificate check',
  parameters: 'FILE --roots DIR',
  summary: "say whether a device's certificate leads to a trusted root",
  flags: {
    roots: { type: 'string', hint: 'DIR', help: 'folder with the trusted roots: PEM, DER, or JSON lists of PEM' },
    at: { type: 'string', hint: 'TIME', help: 'check as of then, as in 2024-09-20T12:00:00Z (default: now)' },
    revocation: {
      type: 'string',
      hint: 'FILE',
      help: 'revocation list (PEM, DER) or Matter revocation sets (JSON), or a folder of them; without it, revocation is not checked',
    },
    json: JSON_FLAG,
  },
  positionals: ['FILE'],
  // Loaded only when asked for: the other commands answer sooner without it.
  run: async (input, context) => (await import('./certificate-check.ts')).runCertificateCheck(input, context),
}
