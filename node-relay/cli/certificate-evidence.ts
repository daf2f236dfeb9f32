import type { EvidenceView } from '../certificate/door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_FAILED, EXIT_OK, JSON_FLAG } from './command.ts'
import { countOf, formatJson, formatTime } from './text.ts'

/** The relay asks others, some of which may not be there, ms. */
const EVIDENCE_TIMEOUT_MS = 60_000

export const certificateEvidence: Command = {
  name: 'certificate evidence',
  parameters: 'ID',
  summary: 'what a device with a certificate came in by, judged again. Exit code 0 only if it holds',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: ['ID'],
  async run(input, context) {
    const id = (input.positionals[0] ?? '').trim()
    const path = `/devices/${encodeURIComponent(id)}/evidence`
    const view = await askRelay<EvidenceView>(dataDirOf(input, context), path, 'GET', {
      timeoutMs: EVIDENCE_TIMEOUT_MS,
    })
    context.print(input.values['json'] === true ? formatJson(view) : describe(view))
    return view.verdict === 'holds' ? EXIT_OK : EXIT_FAILED
  },
}

const SENTENCES: Readonly<Record<EvidenceView['verdict'], string>> = {
  holds: 'HOLDS: its certificate let it in, and still does.',
  'no-longer': 'NO LONGER: its certificate let it in, and would not do so today.',
  'does-not-fit': 'DOES NOT FIT: who endorsed this device should not have done so.',
  'cannot-say': 'CANNOT SAY: something is missing to judge it.',
}

function describe(view: EvidenceView): string {
  const { verdict, code, detail, deviceId, status, stated, renewed, certifiedUntil, endorsers, source } = view
  const signed = view.signedBlocksBefore
  return [
    SENTENCES[verdict],
    `  Code        ${code}`,
    ...(detail === undefined ? [] : [`  Because     ${detail}`]),
    `  Device ID   ${deviceId}${status === 'retired' ? ' (retired)' : ''}`,
    ...(stated === undefined
      ? []
      : [`  ${renewed ? 'Renewed   ' : 'Registered'}  height ${stated.height}, ${formatTime(stated.time)}`]),
    ...(signed === undefined ? [] : [`  Signed      over a block ${countOf(signed, 'block')} before that`]),
    `  Good until  ${formatTime(certifiedUntil)}`,
    ...view.path.map(({ subject, serialNumber }, index) =>
      index === 0 ? `  Subject     ${subject}, serial number ${serialNumber}` : `  Issued by   ${subject}`,
    ),
    `  Evidence    ${view.evidence}`,
    `  Shown by    ${source === undefined ? 'nobody' : source === 'own' ? 'this relay itself' : 'another node'}`,
    ...endorsers.map(
      ({ deviceId: endorser, asked }) => `  Endorsed by ${endorser}${asked === undefined ? '' : `: ${asked}`}`,
    ),
  ].join('\n')
}
