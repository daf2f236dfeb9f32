import { type AdmissionStep, LEAST_PASSED } from '../../shared/admission/full-admission.ts'
import type { ApplicantRow, ApplicationView } from '../full-admission/door.ts'
import type { RosterView } from '../roster/door.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { assertWanted } from './assert-wanted.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG, YES_FLAG } from './command.ts'
import { registerRelay } from './roster.ts'
import { countOf, formatDuration, formatJson } from './text.ts'

export const fullApply: Command = {
  name: 'full apply',
  parameters: '[--voucher TEXT]',
  summary: 'become a full node: apply, be examined, and get a seat by vote',
  flags: {
    'data-dir': DATA_DIR_FLAG,
    voucher: { type: 'string', hint: 'TEXT', help: 'of this network, for a relay that is not in the ledger yet' },
  },
  positionals: [],
  async run(input, context) {
    const dataDir = dataDirOf(input, context)
    const { own } = await askRelay<RosterView>(dataDir, '/roster')
    const { voucher } = input.values
    if (own.deviceId === undefined && typeof voucher === 'string') await registerRelay(dataDir, voucher, context)
    await askRelay(dataDir, '/full/application', 'POST', { body: {} })
    const { own: applicant } = await askRelay<RosterView>(dataDir, '/roster')
    context.print(
      [
        'This relay applies for a seat, also after a restart, until it has one.',
        'Unless it came in by a certificate, the operators of two full nodes (of all, where there are fewer) vouch for it:',
        `  lares full vouch ${applicant.deviceId}`,
        'How it stands: lares full status',
      ].join('\n'),
    )
    return EXIT_OK
  },
}

export const fullStatus: Command = {
  name: 'full status',
  parameters: '',
  summary: 'how the application of this relay stands, and what is missing',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const view = await askRelay<ApplicationView>(dataDirOf(input, context), '/full')
    context.print(input.values['json'] === true ? formatJson(view) : describeApplication(view).join('\n'))
    return EXIT_OK
  },
}

export const fullVouch: Command = {
  name: 'full vouch',
  parameters: 'ID',
  summary: 'say with the seat of this relay that a device may become a full node',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: ['ID'],
  async run(input, context) {
    const id = input.positionals[0] as string
    context.print(`You vouch for ${id}: once it has passed its probation, this relay votes for it by itself.`)
    await assertWanted(input, context, 'Vouch for it?')
    await askRelay(dataDirOf(input, context), '/full/vouch', 'POST', { body: { id } })
    context.print('Vouched.')
    return EXIT_OK
  },
}

export const fullList: Command = {
  name: 'full list',
  parameters: '',
  summary: 'who wants to become a full node, as this relay has measured it',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const { applicants } = await askRelay<{ applicants: ApplicantRow[] }>(dataDirOf(input, context), '/full/applicants')
    const lines = applicants.flatMap(({ deviceId, isVouchedHere, isAdmissible, steps }) => [
      `${deviceId}: ${isAdmissible ? 'this relay votes for it' : 'examined'}${isVouchedHere ? ', vouched for here' : ''}`,
      ...steps.map((step) => `  ${describeStep(step)}`),
    ])
    if (input.values['json'] === true) context.print(formatJson(applicants))
    else context.print(lines.length === 0 ? 'Nobody applies for a seat.' : lines.join('\n'))
    return EXIT_OK
  },
}

export const fullLeave: Command = {
  name: 'full leave',
  parameters: '',
  summary: 'give the seat of this relay back',
  flags: { 'data-dir': DATA_DIR_FLAG, yes: YES_FLAG },
  positionals: [],
  async run(input, context) {
    context.print('This relay will seal nothing and serve nobody; its ID stays, and it can apply again.')
    await assertWanted(input, context, 'Give the seat back?')
    await askRelay(dataDirOf(input, context), '/full/leave', 'POST', { body: {} })
    context.print('Handed in. "lares roster show" says when it is in a block.')
    return EXIT_OK
  },
}

function describeApplication(view: ApplicationView): string[] {
  if (view.state === 'full') return ['This relay is a full node.']
  if (view.state === 'none') return ['This relay does not apply for a seat: "lares full apply" begins.']
  return [
    `This relay applies for a seat: ${view.votes} of ${countOf(view.votesNeeded, 'vote')}.`,
    ...view.seats.flatMap(({ seat, steps, hasVoted }) => [
      `Seat ${seat}: ${hasVoted ? 'has voted for it' : 'examines it'}`,
      ...steps.map((step) => `  ${describeStep(step)}${howLong(step, view.epochSeconds)}`),
    ]),
    ...(view.seats.length === 0 ? ['No full node has answered yet.'] : []),
    ...(view.refused === undefined ? [] : [`Refused by one: ${view.refused.detail} (${view.refused.code}).`]),
  ]
}

function howLong({ step, have, need }: AdmissionStep, epochSeconds: number): string {
  return step === 'probation' && have < need
    ? `; at least ${formatDuration((need - have) * epochSeconds * 1_000)} more, after the epoch under way`
    : ''
}

function describeStep({ step, have, need, isMet }: AdmissionStep): string {
  const mark = isMet ? 'done   ' : 'missing'
  switch (step) {
    case 'vouches':
      return need === 0
        ? `${mark}  identity: verified by a certificate`
        : `${mark}  identity: ${have} of ${countOf(need, 'full node')} vouch for it`
    case 'hardware':
      return `${mark}  hardware: ${have} of ${need} MiB free, neither on battery nor on a metered line`
    case 'reachability':
      return `${mark}  reachable: for ${have} of ${countOf(need, 'full node')}, this one among them`
    case 'capacity':
      return `${mark}  capacity: ${have} requests a second; at least ${need}`
    case 'storage':
      return `${mark}  blocks: ${have / 10} % of the challenges passed; at least ${LEAST_PASSED / 10} %`
    case 'probation':
      return `${mark}  probation: ${have} of ${countOf(need, 'whole epoch')}`
  }
}
